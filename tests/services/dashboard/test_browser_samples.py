"""The sample browser: what models and people wrote stays text; filters, pages, the probes, a version's lineage."""

from playwright.sync_api import Page, expect

from shared.store.database import Database
from tests.services.dashboard import scenes
from tests.services.dashboard.rows import EVIL
from tests.web import needs_chromium

pytestmark = needs_chromium


def test_samples_are_text_and_lead_to_their_makers(page: Page, db: Database) -> None:
    scenes.well(db)
    page.get_by_role("link", name="Samples").click()
    articles = page.locator("#samples article")
    expect(articles.first).to_contain_text("Query 251")
    expect(articles.first).to_contain_text(EVIL)
    expect(articles.first).to_contain_text("r3 −0.90")
    page.get_by_role("button", name="Older").click()
    expect(articles.first).to_contain_text("Query 231")
    page.locator("#sample-labeled").select_option("labeled")
    expect(articles.first).to_contain_text("Query 239")
    expect(articles.filter(has_text=f"“{EVIL}”").first).to_be_visible()
    page.locator("#sample-version").select_option("π1")
    expect(articles.first.get_by_role("link", name="π1").first).to_be_visible()
    page.locator("#probe").select_option(index=2)
    expect(page.locator("#probe-query")).to_have_text(EVIL)
    expect(page.locator("#probe-answers li")).to_have_count(3)
    expect(page.locator("#probe-answers li").first).to_contain_text(f"π2 says {EVIL}")
    page.locator("#probe-answers").get_by_role("link", name="π2").click()
    expect(page.get_by_role("heading", name="Policy π2")).to_be_focused()
    expect(page.locator("#descent li")).to_have_text(["ρ the reference", "π1 by r2", "π2 by r3"])
    page.locator("#behind").get_by_role("link", name="r2").click()
    expect(page.locator("#behind")).to_contain_text("ada")
    expect(page.locator("#verdicts")).to_contain_text("not worse than r2 on 40 held-out labels")
    assert page.locator("main img").count() == 0
