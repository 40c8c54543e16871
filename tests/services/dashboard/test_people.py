"""The panel of people: over HTTP, and in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from services.dashboard import people
from shared.store import accounts
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import EVIL, LABELS, fill
from tests.shared.store.rows import sql
from tests.web import needs_chromium


@pytest.fixture
def filled(dashboard: Dashboard, db: Database) -> Dashboard:
    """Everybody's choices stood second; every tenth answer of policy 2's is that none is acceptable; ada is paused."""
    fill(db)
    none = "best = NULL, position = NULL, none_acceptable = true"
    sql(db, f"UPDATE labels SET {none} WHERE policy_version = 2 AND id % 10 = 0")
    accounts.pause(db, "ada", EVIL)
    return dashboard


def test_a_reviewer_reads_the_report(filled: Dashboard) -> None:
    with filled.having(filled.reviewer) as reviewer:
        found = reviewer.get("/api/people").json()
    assert found["overall"]["labels"] == LABELS
    assert found["overall"]["agreement"] is None  # nobody answered what another did
    assert found["overall"]["position"]["p"] < 1e-6
    by_name = {person["name"]: person for person in found["people"]}
    assert set(by_name) == {"ada", "grace", "alan", "labeler", EVIL}
    assert (by_name["ada"]["paused_reason"], by_name["grace"]["paused_reason"]) == (EVIL, None)
    assert by_name["labeler"]["figures"]["seconds"] is None
    assert [policy["version"] for policy in found["policies"]] == [0, 1, 2]
    assert [policy["figures"]["none_acceptable"]["rate"] for policy in found["policies"]] == [0, 0, 0.1]


def test_labels_are_counted_anew_at_most_every_so_often(
    filled: Dashboard, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled.as_operator() as operator:
        before = operator.get("/api/people").json()
        sql(db, "UPDATE labels SET seconds = 100")
        assert operator.get("/api/people").json() == before
        monkeypatch.setattr(people, "EVERY_SECONDS", 0.0)
        monkeypatch.setattr(people, "REST", 0)
        assert operator.get("/api/people").json()["overall"]["seconds"]["median"] == 100


@needs_chromium
def test_the_panel_says_who_is_paused_and_what_is_undefined(filled: Dashboard, page: Page) -> None:  # noqa: ARG001
    page.get_by_role("link", name="People").click()
    panel = page.get_by_role("region", name="People")
    ada = panel.get_by_role("row", name="ada")
    expect(ada).to_contain_text(EVIL)
    expect(ada).to_contain_text("undefined")
    expect(panel.get_by_role("row", name="labeler", exact=True)).to_have_count(0)  # it is the head's word too
    expect(panel.get_by_role("row")).to_have_count(6)
    expect(panel.locator("dl")).to_contain_text("Alpha, training of 4undefined")
    expect(panel.locator("dl")).to_contain_text("p < 0.001")
    panel.locator("#complaints-chart .u-over").scroll_into_view_if_needed()
    panel.locator("#complaints-chart .u-over").hover()
    expect(panel.locator("#complaints-chart output")).to_have_text(re.compile(r"π\d: none acceptable .* of 80"))
