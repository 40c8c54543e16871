"""Browsers that are signed in, by a key or by an invitation that works once. Only hashes of what opens them are kept.

A session is one page's: one of the labeling page, which lasts for a month, does not open the dashboard.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.orm import Session

from shared.domain import LoopError, Principal, Role
from shared.store import accounts
from shared.store.database import Database
from shared.store.tables import ApiKey, Invitation, Labeler, SignIn

INVITATION_DAYS = 7
WHOSE = (
    select(Labeler.id, Labeler.name, Labeler.role)
    .join(SignIn)
    .where(SignIn.sha256 == bindparam("sha256"), SignIn.revoked_at.is_(None), SignIn.expires_at > func.now())
)


class Page(StrEnum):
    LABELING = "labeling"
    DASHBOARD = "dashboard"


LASTS = {Page.LABELING: timedelta(days=30), Page.DASHBOARD: timedelta(hours=12)}
LEAST = {Page.LABELING: Role.LABELER, Page.DASHBOARD: Role.REVIEWER}


class RoleError(LoopError):
    """This account may not open this page."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in; `token` opens the page from now on and is never to be seen again."""

    principal: Principal
    token: str


def invite(db: Database, name: str, role: Role | None = None, *, days: int = INVITATION_DAYS) -> str:
    """Invite somebody, a labeler where the account is new and no role is given. Returns what signs in once.

    LoopError where the account has another role.
    """
    token = secrets.token_urlsafe(32)
    with db.transaction() as session:
        account = accounts.account_for(session, name, role)
        until = func.now() + timedelta(days=days)
        session.add(Invitation(labeler_id=account.id, sha256=accounts.hashed(token), expires_at=until))
    return token


def with_key(db: Database, key: str, page: Page) -> SignedIn | None:
    """Open a session, which ends no later than its key. None for one that is unknown, revoked or expired.

    Raises RoleError for an account that may not open the page.
    """
    found = select(Labeler, ApiKey.expires_at).join(ApiKey).where(*accounts.VALID)
    with db.transaction() as session:
        held = found.with_for_update(read=True, of=ApiKey)
        row = session.execute(held, {"sha256": accounts.hashed(key)}).one_or_none()
        if row is None:
            return None
        account, key_expires_at = row
        return _open(session, account, page, func.least(func.now() + LASTS[page], key_expires_at))


def with_invitation(db: Database, token: str, page: Page) -> SignedIn | None:
    """The same by an invitation, which is used up by it. None for one that is unknown, used, revoked or expired."""
    valid = (Invitation.used_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > func.now())
    use = update(Invitation).where(Invitation.sha256 == accounts.hashed(token), *valid).values(used_at=func.now())
    with db.transaction() as session:
        labeler_id = session.scalar(use.returning(Invitation.labeler_id))
        if labeler_id is None:
            return None
        return _open(session, session.get_one(Labeler, labeler_id), page, func.now() + LASTS[page])


def authenticate(db: Database, token: str, page: Page) -> Principal | None:
    """Whose session this is; None for one that is unknown or over. Every request of a page asks: one statement."""
    with db.glance() as connection:
        row = connection.execute(WHOSE, {"sha256": _hashed(token, page)}).one_or_none()
    return None if row is None else Principal(row[0], row[1], Role(row[2]))


def sign_out(db: Database, token: str, page: Page) -> None:
    """End a session. One that is unknown or over stays so."""
    with db.transaction() as session:
        mine = (SignIn.sha256 == _hashed(token, page), SignIn.revoked_at.is_(None))
        session.execute(update(SignIn).where(*mine).values(revoked_at=func.now()))


def _open(session: Session, account: Labeler, page: Page, until: ColumnElement[datetime]) -> SignedIn:
    principal = Principal(account.id, account.name, Role(account.role))
    if not principal.role.at_least(LEAST[page]):
        raise RoleError(
            f"account {account.name!r} is {principal.role}: the {page} page opens to {LEAST[page]} and above"
        )
    token = secrets.token_urlsafe(32)
    session.add(SignIn(labeler_id=account.id, sha256=_hashed(token, page), expires_at=until))
    return SignedIn(principal, token)


def _hashed(token: str, page: Page) -> str:
    return accounts.hashed(f"{page} {token}")
