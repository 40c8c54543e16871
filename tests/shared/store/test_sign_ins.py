"""Invitations and browsers' sessions."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from shared.domain import LoopError, Role
from shared.store import accounts, sign_ins
from shared.store.database import Database
from shared.store.sign_ins import Page, RoleError, SignedIn
from tests.shared.store.rows import sql

LABELING, DASHBOARD = Page.LABELING, Page.DASHBOARD


def opened(signed_in: SignedIn | None) -> str:
    assert signed_in is not None
    return signed_in.token


def test_a_key_opens_a_session_of_one_page(db: Database) -> None:
    key = accounts.create_account(db, "ada", Role.OPERATOR)
    found = sign_ins.with_key(db, key, LABELING)
    token = opened(found)
    assert found is not None
    assert sign_ins.authenticate(db, token, LABELING) == found.principal == accounts.authenticate(db, key)
    assert sign_ins.authenticate(db, token, DASHBOARD) is None
    assert sign_ins.with_key(db, key + "x", LABELING) is None
    assert [sign_ins.authenticate(db, odd, LABELING) for odd in ("", key, token + "x", "\0ä", "\ud800")] == [None] * 5


@pytest.mark.parametrize(("page", "lasts"), [(LABELING, "30 days"), (DASHBOARD, "12 hours")])
def test_a_session_ends_by_itself_or_on_signing_out(db: Database, page: Page, lasts: str) -> None:
    key = accounts.create_account(db, "ada", Role.REVIEWER)
    first, second = (opened(sign_ins.with_key(db, key, page)) for _ in range(2))
    assert sql(db, f"SELECT expires_at - created_at = interval '{lasts}' FROM sign_ins") == [(True,)] * 2
    sign_ins.sign_out(db, first, page)
    assert sign_ins.authenticate(db, first, page) is None
    assert sign_ins.authenticate(db, second, page) is not None
    sql(db, "UPDATE sign_ins SET expires_at = now()")
    assert sign_ins.authenticate(db, second, page) is None


def test_no_session_outlasts_the_key_that_opened_it(db: Database) -> None:
    accounts.create_account(db, "ada", Role.LABELER)
    brief = accounts.add_key(db, "ada", days=1)
    assert sign_ins.with_key(db, brief, LABELING) is not None
    assert sql(
        db, "SELECT s.expires_at = k.expires_at FROM sign_ins s, api_keys k WHERE k.expires_at < 'infinity'"
    ) == [(True,)]


def test_an_invitation_makes_an_account_and_works_once(db: Database) -> None:
    invitation = sign_ins.invite(db, "ada")
    found = sign_ins.with_invitation(db, invitation, LABELING)
    assert found is not None
    assert (found.principal.name, found.principal.role) == ("ada", Role.LABELER)
    assert sign_ins.authenticate(db, found.token, LABELING) == found.principal
    assert sign_ins.with_invitation(db, invitation, LABELING) is None
    again = sign_ins.invite(db, "ada", Role.LABELER)
    assert sql(db, "SELECT count(*) FROM labelers") == [(1,)]
    sql(db, "UPDATE invitations SET expires_at = now()")
    assert sign_ins.with_invitation(db, again, LABELING) is None
    with pytest.raises(LoopError, match="'ada' is labeler, not operator"):
        sign_ins.invite(db, "ada", Role.OPERATOR)


def test_an_invitation_used_by_many_at_once_lets_one_in(db: Database) -> None:
    invitation = sign_ins.invite(db, "ada")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: sign_ins.with_invitation(db, invitation, LABELING), range(8)))
    assert sum(one is not None for one in found) == 1


def test_the_dashboard_does_not_open_to_labelers_and_their_invitation_is_not_used_up(db: Database) -> None:
    invitation = sign_ins.invite(db, "ada")
    key = accounts.add_key(db, "ada")
    for secret, sign_in in ((invitation, sign_ins.with_invitation), (key, sign_ins.with_key)):
        with pytest.raises(RoleError, match="'ada' is labeler: the dashboard page opens to reviewer and above"):
            sign_in(db, secret, DASHBOARD)
    assert sql(db, "SELECT * FROM sign_ins") == []
    assert sign_ins.with_invitation(db, invitation, LABELING) is not None


def test_revoking_an_account_ends_its_sessions_and_invitations(db: Database) -> None:
    kept = opened(sign_ins.with_key(db, accounts.create_account(db, "grace", Role.LABELER), LABELING))
    token = opened(sign_ins.with_invitation(db, sign_ins.invite(db, "ada"), LABELING))
    invitation = sign_ins.invite(db, "ada")
    accounts.revoke(db, "ada")
    assert sign_ins.authenticate(db, token, LABELING) is None
    assert sign_ins.with_invitation(db, invitation, LABELING) is None
    assert sign_ins.authenticate(db, kept, LABELING) is not None


def test_revoking_a_key_ends_the_sessions_it_may_have_opened(db: Database) -> None:
    key = accounts.create_account(db, "ada", Role.LABELER)
    token, invitation = opened(sign_ins.with_key(db, key, LABELING)), sign_ins.invite(db, "ada")
    accounts.revoke(db, "ada", prefix=key[:8])
    assert sign_ins.authenticate(db, token, LABELING) is None
    assert sign_ins.with_invitation(db, invitation, LABELING) is not None


def test_a_sign_in_under_way_does_not_slip_past_a_revocation(db: Database) -> None:
    """Signing in waits for the revocation that holds its key, and then finds it revoked."""
    key = accounts.create_account(db, "ada", Role.LABELER)
    found: list[SignedIn | None] = []
    thread = threading.Thread(target=lambda: found.append(sign_ins.with_key(db, key, LABELING)))
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with db.transaction() as session:
        session.execute(text("UPDATE api_keys SET revoked_at = now()"))
        thread.start()
        while sql(db, waits) == [(0,)]:
            assert thread.is_alive()
    thread.join()
    assert found == [None]


def test_only_hashes_are_kept(db: Database) -> None:
    invitation = sign_ins.invite(db, "ada")
    other = sign_ins.invite(db, "ada")
    token = opened(sign_ins.with_invitation(db, other, LABELING))
    kept = "\n".join(str(row) for name in ("invitations", "sign_ins") for row in sql(db, f"SELECT * FROM {name}"))
    for secret in (invitation, other, token):
        assert len(secret) == 43
        assert secret[:8] not in kept
