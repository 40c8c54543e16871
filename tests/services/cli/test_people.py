"""`prefloop account`, `stop` and `resume`, on a store that PREFLOOP_DATABASE_URL names."""

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from shared.domain import LoopError, Role
from shared.store import accounts, sign_ins, stops
from shared.store.database import Database
from shared.store.sign_ins import Page


@pytest.fixture(autouse=True)
def _store(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLOOP_DATABASE_URL", database_url)
    monkeypatch.setenv("PREFLOOP_WEB__HOST", "0.0.0.0")
    monkeypatch.setenv("USER", "rosa")


def said(*arguments: str) -> str:
    found = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def role(db: Database, key: str) -> Role | None:
    found = accounts.authenticate(db, key)
    return None if found is None else found.role


def test_keys_are_printed_once_and_revoked_one_by_one_or_all(db: Database) -> None:
    first = said("account", "add", "ada", "--role", "admin").strip()
    second = said("account", "key", "ada", "--days", "3").strip()
    assert role(db, first) is role(db, second) is Role.ADMIN
    listed = said("account", "list")
    assert first not in listed
    head, *keys = listed.splitlines()
    assert head == "ada  admin"
    assert keys[0].startswith(f"  {first[:8]}...  last used 20")
    assert "  until 20" in keys[1]
    said("account", "revoke", "ada", "--key", first[:8])
    assert (role(db, first), role(db, second)) == (None, Role.ADMIN)
    assert said("account", "list").splitlines()[1].endswith("  revoked")
    said("account", "revoke", "ada")
    assert role(db, second) is None


def test_an_invitation_is_a_link_to_the_labeling_page(db: Database) -> None:
    link = said("account", "invite", "ada").strip()
    address, _, invitation = link.partition("/#invite=")
    assert address == "http://127.0.0.1:8080"
    signed_in = sign_ins.with_invitation(db, invitation, Page.LABELING)
    assert signed_in is not None
    assert (signed_in.principal.name, signed_in.principal.role) == ("ada", Role.LABELER)
    assert "http://127.0.0.1:8081/login" in said("account", "invite", "grace", "--role", "reviewer")
    said("account", "invite", "grace", "--days", "1")  # as she is
    with pytest.raises(LoopError, match="'grace' is reviewer, not labeler"):
        said("account", "invite", "grace", "--role", "labeler")


def test_an_account_pauses_with_a_reason(db: Database) -> None:
    accounts.create_account(db, "ada", Role.LABELER)
    said("account", "pause", "ada", "--reason", "gold answers")
    assert said("account", "list").startswith("ada  labeler  paused: gold answers\n")
    said("account", "unpause", "ada")
    assert said("account", "list").startswith("ada  labeler\n")
    with pytest.raises(LoopError, match="no account 'adda'"):
        said("account", "pause", "adda", "--reason", "why")


def test_the_line_is_stopped_and_goes_on(db: Database) -> None:
    assert said("stop", "--reason", "odd texts") == "rosa stopped the line: odd texts\n"
    assert said("stop", "--reason", "me too", "--by", "ada") == "rosa stopped the line: odd texts\n"
    assert stops.standing(db) is not None
    assert said("resume") == "resumed; rosa had stopped it: odd texts\n"
    assert stops.standing(db) is None
    assert said("resume") == "the line was not stopped\n"
