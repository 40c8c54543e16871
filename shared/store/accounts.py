"""Who may label and who may operate: accounts with API keys, of which only hashes are kept."""

import hashlib
import secrets

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain import LoopError, Principal, Role
from shared.store.database import Database
from shared.store.tables import ApiKey, Labeler

PREFIX_LENGTH = 8


def new_key() -> str:
    """256 random bits: so many that a plain hash cannot be reversed by guessing."""
    return "pl_" + secrets.token_urlsafe(32)


def create_account(db: Database, name: str, role: Role) -> str:
    """Make an account. Returns its key, which is never to be seen again. LoopError where the name is taken."""
    key = new_key()
    with db.transaction() as session:
        if session.scalar(select(Labeler).where(Labeler.name == name)) is not None:
            raise LoopError(f"account {name!r} is there already: choose another name")
        account = Labeler(name=name, role=role)
        session.add(account)
        session.flush()
        _add_key(session, account.id, key)
    return key


def ensure_account(db: Database, name: str, role: Role, key: str) -> None:
    """The account exists and `key` is its only one. Does no harm twice.

    LoopError where the name has another role, or another account has the key.
    """
    with db.transaction() as session:
        session.execute(insert(Labeler).values(name=name, role=role).on_conflict_do_nothing())
        account = session.scalars(select(Labeler).where(Labeler.name == name)).one()
        if account.role != role:
            raise LoopError(f"account {name!r} is {account.role}, not {role}: choose another name")
        known = session.scalar(select(ApiKey).where(ApiKey.sha256 == _sha256(key)))
        if known is None:
            _add_key(session, account.id, key)
        elif known.labeler_id != account.id:
            raise LoopError(
                f"the key given for account {name!r} ({known.prefix}...) is another account's: make a new one"
            )
        others = (ApiKey.labeler_id == account.id, ApiKey.sha256 != _sha256(key), ApiKey.revoked_at.is_(None))
        session.execute(update(ApiKey).where(*others).values(revoked_at=func.now()))
        session.execute(update(ApiKey).where(ApiKey.sha256 == _sha256(key)).values(revoked_at=None))


def revoke(db: Database, name: str) -> None:
    """All keys of the account are refused from now on; what it labeled stays."""
    with db.transaction() as session:
        account = select(Labeler.id).where(Labeler.name == name).scalar_subquery()
        session.execute(update(ApiKey).where(ApiKey.labeler_id == account).values(revoked_at=func.now()))


def authenticate(db: Database, key: str) -> Principal | None:
    """Whose key this is; None for one that is unknown or revoked."""
    with db.transaction() as session:
        found = session.execute(
            select(ApiKey.id, Labeler)
            .join(Labeler, Labeler.id == ApiKey.labeler_id)
            .where(ApiKey.sha256 == _sha256(key), ApiKey.revoked_at.is_(None))
        ).one_or_none()
        if found is None:
            return None
        key_id, account = found
        stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - text("interval '1 minute'"))
        session.execute(update(ApiKey).where(ApiKey.id == key_id, stale).values(last_used_at=func.now()))
        return Principal(account.id, account.name, Role(account.role))


def _add_key(session: Session, labeler_id: int, key: str) -> None:
    session.add(ApiKey(labeler_id=labeler_id, prefix=key[:PREFIX_LENGTH], sha256=_sha256(key)))
    session.flush()


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
