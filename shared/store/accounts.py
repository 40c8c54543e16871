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
LEAST_LENGTH = 16  # of a key somebody made up: the prefix, which all may see, must leave enough to guess


def new_key() -> str:
    """256 random bits: so many that a plain hash cannot be reversed by guessing."""
    return "pl_" + secrets.token_urlsafe(32)


def create_account(db: Database, name: str, role: Role) -> str:
    """Make an account. Returns its key, which is never to be seen again. LoopError where the name is taken."""
    key = new_key()
    new = insert(Labeler).values(name=name, role=role).on_conflict_do_nothing().returning(Labeler.id)
    with db.transaction() as session:
        account_id = session.scalar(new)
        if account_id is None:
            raise LoopError(f"account {name!r} is there already: choose another name")
        _add_key(session, account_id, key)
    return key


def ensure_account(db: Database, name: str, role: Role, key: str) -> None:
    """The account exists and `key` is its only one. Does no harm twice.

    LoopError where the name has another role, another account has the key, or the key is none.
    """
    if len(key) < LEAST_LENGTH or not (key.isascii() and key.isprintable()):
        raise LoopError(
            f"the key given for account {name!r} is too weak or cannot be sent over HTTP: make one of {LEAST_LENGTH} "
            "or more letters, digits and signs of ASCII"
        )
    with db.transaction() as session:
        session.execute(insert(Labeler).values(name=name, role=role).on_conflict_do_nothing())
        account = session.scalars(select(Labeler).where(Labeler.name == name).with_for_update()).one()
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
    """All keys of the account are refused from now on; what it labeled stays. LoopError where there is no such name."""
    with db.transaction() as session:
        account_id = session.scalar(select(Labeler.id).where(Labeler.name == name))
        if account_id is None:
            raise LoopError(f"there is no account {name!r}: name one that is there")
        valid = (ApiKey.labeler_id == account_id, ApiKey.revoked_at.is_(None))
        session.execute(update(ApiKey).where(*valid).values(revoked_at=func.now()))


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
