"""Accounts and their keys."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.domain import LoopError, Principal, Role
from shared.store import accounts
from shared.store.accounts import UnknownAccountError
from shared.store.database import Database
from tests.shared.store.rows import sql

KEY = "a key that somebody made up"


def role(db: Database, key: str) -> Role | None:
    found = accounts.authenticate(db, key)
    return None if found is None else found.role


def test_a_new_account_gets_the_only_key_that_opens_it(db: Database) -> None:
    ada = accounts.create_account(db, "ada", Role.LABELER)
    operator = accounts.create_account(db, "op", Role.OPERATOR)
    assert ada != operator
    found = accounts.authenticate(db, ada)
    assert found == Principal(found.labeler_id if found else -1, "ada", Role.LABELER)
    assert role(db, operator) is Role.OPERATOR


def test_only_hashes_are_kept(db: Database) -> None:
    """Not in any column of any table: the prefix that people see is 8 of 46 characters."""
    key = accounts.create_account(db, "ada", Role.LABELER)
    accounts.ensure_account(db, "grace", Role.LABELER, KEY)
    tables = [name for (name,) in sql(db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    kept = "\n".join(str(row) for name in tables for row in sql(db, f"SELECT * FROM {name}"))
    assert key[:8] in kept
    assert key[:9] not in kept
    assert KEY[:9] not in kept
    assert len(key) > 40


def test_a_name_is_taken_once(db: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        created = [pool.submit(accounts.create_account, db, "ada", Role.LABELER) for _ in range(8)]
    errors = [error for future in created if (error := future.exception()) is not None]
    assert [str(error) for error in errors] == ["account 'ada' is there already: choose another name"] * 7
    assert sql(db, "SELECT count(*) FROM api_keys") == [(1,)]


def test_ensured_again_and_at_once_an_account_stays_one(db: Database) -> None:
    for n in range(1, 9):  # a new account first, then a new key
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda key: accounts.ensure_account(db, "op", Role.OPERATOR, key), [f"{KEY} {n}"] * 4))
        assert role(db, f"{KEY} {n}") is Role.OPERATOR
        assert sql(db, "SELECT count(*) FROM labelers") == [(1,)]
        assert sql(db, "SELECT count(*), count(revoked_at) FROM api_keys") == [(n, n - 1)]


def test_a_new_key_revokes_the_old_one_and_the_old_one_may_come_back(db: Database) -> None:
    accounts.ensure_account(db, "op", Role.OPERATOR, KEY)
    accounts.ensure_account(db, "op", Role.OPERATOR, KEY + "2")
    assert (role(db, KEY), role(db, KEY + "2")) == (None, Role.OPERATOR)
    accounts.ensure_account(db, "op", Role.OPERATOR, KEY)
    assert (role(db, KEY), role(db, KEY + "2")) == (Role.OPERATOR, None)


def test_another_role_or_another_accounts_key_changes_nothing(db: Database) -> None:
    accounts.ensure_account(db, "op", Role.OPERATOR, KEY)
    with pytest.raises(LoopError, match="'op' is operator, not labeler"):
        accounts.ensure_account(db, "op", Role.LABELER, KEY + "2")
    with pytest.raises(LoopError, match=r"'ada' \(a key th\.\.\.\) is another account's"):
        accounts.ensure_account(db, "ada", Role.LABELER, KEY)
    assert role(db, KEY) is Role.OPERATOR
    assert sql(db, "SELECT name FROM labelers") == [("op",)]


def test_no_account_gets_a_key_that_guards_nothing(db: Database) -> None:
    """An empty key would let in everyone who sends none."""
    for key in ("", "short", "0123456789 abcd\0", "äöüäöüäöüäöüäöüäöü", "a line\nand a second line"):
        with pytest.raises(LoopError, match="'op' is too weak or cannot be sent"):
            accounts.ensure_account(db, "op", Role.OPERATOR, key)
    assert sql(db, "SELECT * FROM labelers") == []


def test_a_key_lasts_until_it_expires_or_is_revoked(db: Database) -> None:
    first = accounts.create_account(db, "ada", Role.LABELER)
    second, third = accounts.add_key(db, "ada"), accounts.add_key(db, "ada", days=3)
    assert [role(db, key) for key in (first, second, third)] == [Role.LABELER] * 3
    sql(db, "UPDATE api_keys SET expires_at = now() WHERE expires_at < now() + interval '3 days'")
    assert [role(db, key) for key in (first, second, third)] == [Role.LABELER, Role.LABELER, None]
    accounts.revoke(db, "ada", prefix=first[:8])
    assert [role(db, key) for key in (first, second, third)] == [None, Role.LABELER, None]
    for prefix in (first[:8], "pl_"):
        with pytest.raises(UnknownAccountError, match="'ada' has no key that begins with"):
            accounts.revoke(db, "ada", prefix=prefix)
    with pytest.raises(UnknownAccountError, match="no account 'adda'"):
        accounts.add_key(db, "adda")


def test_all_accounts_are_listed_with_what_may_be_seen_of_their_keys(db: Database) -> None:
    accounts.create_account(db, "grace", Role.REVIEWER)
    key = accounts.create_account(db, "ada", Role.LABELER)
    until = accounts.add_key(db, "ada", days=1)
    accounts.authenticate(db, key)
    accounts.revoke(db, "ada", prefix=until[:8])
    ada, grace = accounts.listed(db)
    assert (ada.name, ada.role, ada.paused) == ("ada", Role.LABELER, None)
    assert (grace.name, grace.role, len(grace.keys)) == ("grace", Role.REVIEWER, 1)
    used, ended = ada.keys
    assert (used.prefix, used.expires_at, used.revoked_at) == (key[:8], None, None)
    assert used.last_used_at is not None
    assert (ended.prefix, ended.last_used_at) == (until[:8], None)
    assert ended.expires_at is not None
    assert ended.revoked_at is not None


def test_the_first_reason_of_a_pause_stands_until_it_ends(db: Database) -> None:
    accounts.create_account(db, "ada", Role.LABELER)
    for reason in ("gold\0 answers", "another"):
        accounts.pause(db, "ada", reason)
        assert [account.paused for account in accounts.listed(db)] == ["gold\N{REPLACEMENT CHARACTER} answers"]
    accounts.unpause(db, "ada")
    assert sql(db, "SELECT paused_at, paused_reason FROM labelers") == [(None, None)]
    with pytest.raises(UnknownAccountError, match="no account 'adda'"):
        accounts.pause(db, "adda", "why")
    with pytest.raises(UnknownAccountError, match="no account 'adda'"):
        accounts.unpause(db, "adda")


@pytest.mark.parametrize("name", ["", "x" * 201, "a/b", "a\nb", "a\0b"])
def test_names_stand_in_addresses_and_lines(db: Database, name: str) -> None:
    with pytest.raises(LoopError, match="choose a name of 1 to 200 characters"):
        accounts.create_account(db, name, Role.LABELER)
    with pytest.raises(LoopError, match="choose a name of 1 to 200 characters"):
        accounts.ensure_account(db, name, Role.LABELER, KEY)


def test_revoked_is_revoked_and_others_stay(db: Database) -> None:
    ada, grace = (accounts.create_account(db, name, Role.LABELER) for name in ("ada", "grace"))
    accounts.revoke(db, "ada")
    assert (role(db, ada), role(db, grace)) == (None, Role.LABELER)
    first = sql(db, "SELECT revoked_at FROM api_keys WHERE revoked_at IS NOT NULL")
    accounts.revoke(db, "ada")
    assert sql(db, "SELECT revoked_at FROM api_keys WHERE revoked_at IS NOT NULL") == first
    with pytest.raises(LoopError, match="no account 'adda'"):
        accounts.revoke(db, "adda")


def test_odd_keys_are_unknown(db: Database) -> None:
    accounts.create_account(db, "ada", Role.LABELER)
    odd = ("\0ä", "", "\ud800", "x" * 100_000, "' OR true --")
    assert [accounts.authenticate(db, key) for key in odd] == [None] * len(odd)


def test_the_last_use_is_noted_once_a_minute(db: Database) -> None:
    key = accounts.create_account(db, "ada", Role.LABELER)
    assert sql(db, "SELECT last_used_at FROM api_keys") == [(None,)]
    accounts.authenticate(db, key)
    first = sql(db, "SELECT last_used_at FROM api_keys")
    accounts.authenticate(db, key)
    assert sql(db, "SELECT last_used_at FROM api_keys") == first != [(None,)]
    sql(db, "UPDATE api_keys SET last_used_at = last_used_at - interval '2 minutes'")
    accounts.authenticate(db, key)
    assert sql(db, "SELECT last_used_at FROM api_keys") > first
