"""Who may look: an operator's key, or a session that one opened. Sessions are signed tokens; the server keeps none."""

from itsdangerous import BadSignature, URLSafeTimedSerializer

COOKIE = "prefloop_session"
HOURS = 12


class Sessions:
    """Tokens signed with the operator's secret: they end after HOURS, or when the secret is changed."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="prefloop dashboard session")

    def open(self, name: str) -> str:
        """A token that says that `name` showed an operator's key just now."""
        return self._signer.dumps(name)

    def name(self, token: str | None) -> str | None:
        """Whose token this is; None if it is missing, forged or too old."""
        if not token:
            return None
        try:
            name = self._signer.loads(token, max_age=HOURS * 3600)
        except BadSignature:  # SignatureExpired is one
            return None
        return name if isinstance(name, str) else None
