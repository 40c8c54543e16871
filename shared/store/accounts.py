"""Who may label and who may operate: accounts with API keys, of which only hashes are kept."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain import LoopError, Principal, Role
from shared.store import gold
from shared.store.database import Database, storable
from shared.store.tables import ApiKey, Invitation, Labeler, SignIn

PREFIX_LENGTH = 8
LEAST_LENGTH = 16  # of a key somebody made up: the prefix, which all may see, must leave enough to guess
NAME = r"^[^\x00-\x1f\x7f/]{1,200}$"  # it stands in addresses and in lines of text

VALID = (
    ApiKey.sha256 == bindparam("sha256"),
    ApiKey.revoked_at.is_(None),
    or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
)
UNNOTED = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - timedelta(minutes=1))
WHOSE = select(Labeler.id, Labeler.name, Labeler.role, ApiKey.id, UNNOTED).join(ApiKey).where(*VALID)


class UnknownAccountError(LoopError):
    """There is no account of this name."""


class AccountConflictError(LoopError):
    """The name, or the key, is another account's already."""


@dataclass(frozen=True, slots=True)
class Key:
    """What may be seen of a key. Times are None for what did not happen, `expires_at` for a key that lasts."""

    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account with all keys it ever had, oldest first. `paused`: why it gets no questions; None: it gets them."""

    name: str
    role: Role
    paused: str | None
    keys: Sequence[Key]


def new_key() -> str:
    """256 random bits: so many that a plain hash cannot be reversed by guessing."""
    return "pl_" + secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is kept of a secret: its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def create_account(db: Database, name: str, role: Role) -> str:
    """Make an account. Returns its key, which is never to be seen again. LoopError where the name is taken or odd."""
    key = new_key()
    new = insert(Labeler).values(name=_checked(name), role=role).on_conflict_do_nothing().returning(Labeler.id)
    with db.transaction() as session:
        account_id = session.scalar(new)
        if account_id is None:
            raise AccountConflictError(f"account {name!r} is there already: choose another name")
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
        account = account_for(session, name, role)
        known = session.scalar(select(ApiKey).where(ApiKey.sha256 == hashed(key)))
        if known is None:
            _add_key(session, account.id, key)
        elif known.labeler_id != account.id:
            raise AccountConflictError(
                f"the key given for account {name!r} ({known.prefix}...) is another account's: make a new one"
            )
        others = (ApiKey.labeler_id == account.id, ApiKey.sha256 != hashed(key), ApiKey.revoked_at.is_(None))
        session.execute(update(ApiKey).where(*others).values(revoked_at=func.now()))
        session.execute(update(ApiKey).where(ApiKey.sha256 == hashed(key)).values(revoked_at=None))


def add_key(db: Database, name: str, *, days: int | None = None) -> str:
    """One more key for an account, for so many days or for good; it is never to be seen again."""
    key = new_key()
    with db.transaction() as session:
        _add_key(session, find(session, name).id, key, days=days)
    return key


def revoke(db: Database, name: str, *, prefix: str | None = None) -> None:
    """Refuse the account from now on: all its keys, sessions and invitations. What it labeled stays.

    With `prefix` only the keys that begin so, and all sessions: nobody knows which of them such a key has opened.
    LoopError where there is no such account or key.
    """
    with db.transaction() as session:
        account = find(session, name)
        if prefix is None:
            _end(session, ApiKey, ApiKey.labeler_id == account.id)
            _end(session, Invitation, Invitation.labeler_id == account.id)
        elif not _end(session, ApiKey, ApiKey.labeler_id == account.id, ApiKey.prefix == prefix[:PREFIX_LENGTH]):
            raise UnknownAccountError(
                f"account {name!r} has no key that begins with {prefix[:PREFIX_LENGTH]!r} and is not revoked: "
                "`prefloop account list` shows them"
            )
        _end(session, SignIn, SignIn.labeler_id == account.id)  # last: a sign-in under way locks its key until it is in


def pause(db: Database, name: str, reason: str) -> None:
    """Give the account no more questions. Where it is paused already, the first reason stands."""
    with db.transaction() as session:
        account = find(session, name)
        running = (Labeler.id == account.id, Labeler.paused_at.is_(None))
        paused = {"paused_at": func.now(), "paused_reason": storable(reason)}
        session.execute(update(Labeler).where(*running).values(paused))


def unpause(db: Database, name: str) -> None:
    """Let a paused account go on. Its gold answers so far count no more, or it would be paused for them again."""
    with db.transaction() as session:
        account = find(session, name)
        if account.paused_at is not None:
            gold.forget(session, account.id)
        account.paused_at = account.paused_reason = None


def listed(db: Database) -> list[Account]:
    """All accounts by name."""
    with db.snapshot() as session:
        keys: dict[int, list[Key]] = {}
        for row in session.scalars(select(ApiKey).order_by(ApiKey.id)):
            key = Key(row.prefix, row.created_at, row.last_used_at, row.expires_at, row.revoked_at)
            keys.setdefault(row.labeler_id, []).append(key)
        return [
            Account(row.name, Role(row.role), row.paused_reason, keys.get(row.id, ()))
            for row in session.scalars(select(Labeler).order_by(Labeler.name))
        ]


def role_of(db: Database, name: str) -> Role:
    with db.transaction() as session:
        return Role(find(session, name).role)


def authenticate(db: Database, key: str) -> Principal | None:
    """Whose key this is; None for one that is unknown, revoked or expired. Every request asks: one statement."""
    with db.glance() as connection:
        found = connection.execute(WHOSE, {"sha256": hashed(key)}).one_or_none()
    if found is None:
        return None
    labeler_id, name, role, key_id, unnoted = found
    if unnoted:
        with db.transaction() as session:
            session.execute(update(ApiKey).where(ApiKey.id == key_id, UNNOTED).values(last_used_at=func.now()))
    return Principal(labeler_id, name, Role(role))


def account_for(session: Session, name: str, role: Role | None) -> Labeler:
    """The account of this name, made where there is none. LoopError where it has another role; None: any will do."""
    new = insert(Labeler).values(name=_checked(name), role=role or Role.LABELER).on_conflict_do_nothing()
    session.execute(new)
    account = session.scalars(select(Labeler).where(Labeler.name == name).with_for_update()).one()
    if role is not None and account.role != role:
        raise AccountConflictError(f"account {name!r} is {account.role}, not {role}: choose another name")
    return account


def find(session: Session, name: str) -> Labeler:
    account = session.scalar(select(Labeler).where(Labeler.name == storable(name)))
    if account is None:
        raise UnknownAccountError(f"there is no account {name!r}: name one that is there")
    return account


def _checked(name: str) -> str:
    if re.fullmatch(NAME, name) is None:
        raise LoopError(f"account {name!r}: choose a name of 1 to 200 characters without / and line ends")
    return name


def _add_key(session: Session, labeler_id: int, key: str, *, days: int | None = None) -> None:
    until = None if days is None else func.now() + timedelta(days=days)
    session.add(ApiKey(labeler_id=labeler_id, prefix=key[:PREFIX_LENGTH], sha256=hashed(key), expires_at=until))
    session.flush()


def _end(session: Session, table: type[ApiKey | Invitation | SignIn], *whose: ColumnElement[bool]) -> bool:
    """Revoke what is not revoked yet, and say whether there was any."""
    ended = update(table).where(table.revoked_at.is_(None), *whose).values(revoked_at=func.now()).returning(table.id)
    return bool(session.scalars(ended).all())
