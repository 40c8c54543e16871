"""The panel of comparisons: over HTTP, and in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from shared.domain import Answer, Response
from shared.settings import LabelSettings
from shared.store import answers, comparisons
from shared.store.comparisons import ComparedQuery
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import EVIL, fill
from tests.shared.store.rows import add_person, sql, take
from tests.web import needs_chromium

FIRST = LabelSettings(comparison_share=1.0, gold_share=0.0)


def compare(db: Database, labeler_id: int, *, against: int | None, reference: str | None, said: str) -> None:
    """Policy 2 beside another; people prefer it (w) or the other (l)."""
    asked = [
        ComparedQuery("x", (1,), (Response("ours", (1,), 2), Response("theirs", (2,), against))) for _ in range(12)
    ]
    made = comparisons.create(db, asked, version=2, against=against, reference=reference, alpha=0.05)
    for letter in said:
        lease = take(db, labeler_id, FIRST)
        shown = lease.texts.index("ours" if letter == "w" else "theirs")
        answers.answer(db, labeler_id, lease.id, Answer(position=shown), seconds=1.0)
    comparisons.settle(db)
    if comparisons.listed(db)[0].state == "open":
        comparisons.end(db, made)


@pytest.fixture
def filled(dashboard: Dashboard, db: Database) -> Dashboard:
    """A loop with 15 evaluation labels, and two comparisons: one decided, one ended."""
    fill(db)
    sql(db, "UPDATE queries SET retired = true WHERE claims = 0")
    ada = add_person(db, "judge")
    compare(db, ada, against=1, reference=None, said="w" * 8)
    compare(db, ada, against=None, reference=EVIL, said="ll")
    return dashboard


def test_a_reviewer_reads_how_comparisons_stand(filled: Dashboard) -> None:
    with filled.having(filled.reviewer) as reviewer:
        found = reviewer.get("/api/comparisons").json()
    texts, policies = found["comparisons"]
    assert (texts["reference"], texts["state"], texts["rate"], texts["tally"]["losses"]) == (EVIL, "ended", 0, 2)
    assert (policies["version"], policies["against"], policies["state"], policies["rate"]) == (2, 1, "decided", 1)
    assert policies["evidence"] == pytest.approx(256 / 9)
    assert policies["interval"] == pytest.approx([180 ** (-1 / 8), 1])
    assert {one["contestant"] for one in found["leaderboard"]} == {0, 1, 2, EVIL}
    assert [one["rate"] for one in found["leaderboard"] if one["contestant"] == 0] == [0.5]


@needs_chromium
def test_the_panel_shows_them(filled: Dashboard, page: Page) -> None:  # noqa: ARG001
    page.get_by_role("link", name="People").click()
    panel = page.get_by_role("region", name="Comparisons", exact=True)
    decided = panel.get_by_role("row", name="π2 beside π1")
    expect(decided).to_contain_text("decided")
    expect(decided).to_contain_text("100.0 % 52 to 100")
    expect(decided).to_contain_text("8 : 0")
    expect(decided).to_contain_text("28 of 20")
    expect(panel.get_by_role("row", name=f"π2 beside {EVIL}")).to_contain_text("0.0 %")
    expect(panel.locator("#leaderboard-rows tr")).to_have_count(4)
    expect(panel.locator("#leaderboard-rows")).to_contain_text("ρ")
    expect(panel.locator(".whisker")).to_have_count(6)
