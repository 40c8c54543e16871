"""An operator steers from the page: stops and resumes, goes back, changes a setting; and sees why not."""

from playwright.sync_api import Browser, Page, expect

from shared.domain import Service
from shared.store import actions, stops, versions
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard
from tests.services.dashboard.rows import EVIL, fill
from tests.web import needs_chromium

pytestmark = needs_chromium


def test_an_operator_stops_the_line_and_resumes_it_from_the_banner(page: Page, db: Database) -> None:
    button = page.locator("nav").get_by_role("button", name="Stop the line")
    dialog, first = page.get_by_role("dialog"), page.locator("#alarms li").first
    button.click()
    dialog.get_by_role("button", name="Stop the line").click()  # it wants a reason
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert stops.standing(db) is None
    button.click()
    dialog.get_by_label("Why").fill(EVIL)
    dialog.get_by_role("button", name="Stop the line").click()
    expect(first).to_contain_text(f"operator stopped the line: {EVIL}")
    expect(page.locator("#headline")).to_have_text("Paused")
    expect(button).to_be_hidden()
    first.get_by_role("button", name="Resume").click()
    dialog.get_by_role("button", name="Resume").click()
    expect(button).to_be_visible()
    expect(page.locator("#alarms")).not_to_contain_text("stopped the line")
    assert stops.standing(db) is None


def test_an_operator_pauses_one_service(page: Page, db: Database) -> None:
    page.get_by_role("link", name="Steering").click()
    page.get_by_role("button", name="Pause sampler").click()
    page.get_by_role("dialog").get_by_label("Why").fill("a new machine")
    page.get_by_role("dialog").get_by_role("button", name="Pause sampler").click()
    expect(page.locator("#stops")).to_contain_text("paused by operator: a new machine")
    assert stops.halting(db, Service.SAMPLER) is not None
    assert stops.halting(db, Service.PPO) is None
    page.locator("#stops").get_by_role("button", name="Resume sampler").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Resume").press("Enter")
    expect(page.locator("#stops").get_by_role("button", name="Pause sampler")).to_be_visible()
    expect(page.locator("#actions tr").first).to_contain_text("resumed sampler")


def test_an_operator_rolls_back(page: Page, db: Database) -> None:
    fill(db)
    page.get_by_role("link", name="Steering").click()
    page.get_by_role("button", name="Roll back to π1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Policy")).to_have_value("1")
    dialog.get_by_label("Reward model").select_option("r3 (live)")
    dialog.get_by_label("Why").fill(EVIL)
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.locator("#pairs tr", has_text="live")).to_contain_text("π1")
    expect(page.locator("#pairs tr", has_text="rolled back from")).to_contain_text("π2")
    trail = page.locator("#actions tr").first
    expect(trail).to_contain_text("rolled back to π1 and r3")
    expect(trail).to_contain_text(EVIL)
    page.get_by_role("link", name="Loop").click()
    expect(page.locator("#policy-version")).to_have_text("π1")
    live = versions.live_policy(db), versions.live_reward(db)
    assert live[0] is not None
    assert live[1] is not None
    assert (live[0].version, live[1].version) == (1, 3)


def test_an_operator_changes_a_setting_and_sees_why_not(page: Page, db: Database) -> None:
    page.get_by_role("link", name="Steering").click()
    page.get_by_role("button", name="Change labels.budget").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Value").fill("many")
    dialog.get_by_role("button", name="Change it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("labels.budget")
    assert actions.overrides(db) == {}
    dialog.get_by_label("Value").fill("1500")
    dialog.get_by_label("Why").fill("more time")
    dialog.get_by_role("button", name="Change it").click()
    row = page.locator("#settings tr", has_text="labels.budget")
    expect(row).to_contain_text("1500 was 1200")
    expect(page.locator("#labels-of")).to_have_text("of 1,500")
    row.get_by_role("button", name="Reset labels.budget").click()
    dialog.get_by_role("button", name="Reset it").click()
    expect(row).not_to_contain_text("was")
    assert actions.overrides(db) == {}


def test_a_reviewer_sees_who_stopped_it_and_no_buttons(browser: Browser, dashboard: Dashboard, db: Database) -> None:
    stops.stop(db, by="ada", reason="odd texts")
    page = browser.new_page(base_url=dashboard.url)
    page.goto("/login")
    page.get_by_label("Key or invitation").fill(dashboard.reviewer)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#alarms")).to_contain_text("ada stopped the line: odd texts")
    page.get_by_role("link", name="Steering").click()
    expect(page.locator("#settings tr").first).to_be_visible()
    expect(page.locator("button:visible")).to_have_text(["Sign out"])
    page.close()
