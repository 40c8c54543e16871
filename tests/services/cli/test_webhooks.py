"""`prefloop webhook`: the secret is shown once, and the list says how it goes."""

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from shared.domain import LoopError
from shared.store import webhooks
from shared.store.database import Database

HTTP, HTTPS = "http://10.0.0.1/hook", "https://example.org/hook"


@pytest.fixture(autouse=True)
def _store(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLOOP_DATABASE_URL", database_url)


def said(*arguments: str) -> str:
    found = CliRunner().invoke(cli, ["webhook", *arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_the_secret_is_shown_once(db: Database) -> None:
    shown = said("add", HTTPS)
    secret = webhooks.endpoints(db)[0].secret
    assert shown.endswith(f"{secret}\n")
    assert secret not in said("list")
    assert "over http" in said("add", HTTP)


def test_the_list_says_how_it_goes(db: Database) -> None:
    assert said("list") == "no webhooks\n"
    said("add", HTTP, "--events", "line.stopped, label.created")
    assert said("list") == f"{HTTP}\n  label.created, line.stopped\n  no failures\n"
    webhooks.failed(db, webhooks.endpoints(db)[0], "500 Server Error", wait=60)
    assert "failures: 1, next try at " in said("list")
    assert said("list").endswith(": 500 Server Error\n")
    webhooks.end(db, webhooks.endpoints(db)[0], "410 Gone")
    assert said("list") == f"{HTTP}\n  nothing\n  ended by the receiver: 410 Gone\n"
    assert said("remove", HTTP) == f"{HTTP} is removed\n"
    assert said("list") == "no webhooks\n"


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(LoopError, match=r"event 'label.made': there is no such event; name some of label.created, "):
        said("add", HTTPS, "--events", "label.made")
