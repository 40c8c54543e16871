"""The line is stopped and goes on: over HTTP, and in a real browser."""

from playwright.sync_api import Browser, Page, expect

from shared.store import stops
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import EVIL
from tests.web import needs_chromium


def test_the_line_is_stopped_and_goes_on(dashboard: Dashboard, db: Database) -> None:
    with dashboard.as_operator() as operator:
        assert operator.post("/api/stop", json={}).status_code == 422
        stop = operator.post("/api/stop", json={"reason": "KL is up"}).json()
        assert (stop["by"], stop["reason"]) == ("operator", "KL is up")
        state = operator.get("/api/state").json()
        assert state["stopped"] == stop
        assert state["phase"]["kind"] == "paused"
        assert "operator stopped the line (KL is up)" in state["phase"]["waits_for"]
        assert operator.post("/api/resume").json() == stop
        assert operator.post("/api/resume").json() is None
        assert operator.get("/api/state").json()["stopped"] is None
    assert stops.standing(db) is None


@needs_chromium
def test_an_operator_stops_it_and_lets_it_go_on(page: Page, db: Database) -> None:
    button = page.locator("nav").get_by_role("button", name="Stop the line")
    dialog = page.get_by_role("dialog")
    button.click()
    dialog.get_by_role("button", name="Stop the line").click()  # it wants a reason
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert stops.standing(db) is None
    button.click()
    dialog.get_by_label("Why").fill(EVIL)
    dialog.get_by_role("button", name="Stop the line").click()
    expect(page.locator("#stopped-why")).to_have_text(f"operator stopped the line: {EVIL}")
    expect(page.locator("#headline")).to_have_text("Paused")
    expect(page.locator("#waits")).to_contain_text(f"operator stopped the line ({EVIL})")
    expect(button).to_be_hidden()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#stopped")).to_be_hidden()
    expect(button).to_be_visible()
    assert stops.standing(db) is None


@needs_chromium
def test_a_reviewer_sees_who_stopped_it_and_no_buttons(browser: Browser, dashboard: Dashboard, db: Database) -> None:
    stops.stop(db, by="ada", reason="odd texts")
    page = browser.new_page(base_url=dashboard.url)
    page.goto("/login")
    page.get_by_label("Key or invitation").fill(dashboard.reviewer)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#stopped")).to_contain_text("ada stopped the line: odd texts")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop the line")).to_have_count(0)
    page.close()
