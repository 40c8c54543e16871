"""The pages in a real browser: they draw, stay live, escape, and stay within their Content-Security-Policy."""

import re

from playwright.sync_api import Page, expect
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from shared.store import stops
from shared.store.database import Database
from tests.services.dashboard.rows import EVIL, LABELS, fill
from tests.web import needs_chromium

pytestmark = needs_chromium


def test_the_page_shows_the_loop_and_stays_live(page: Page, db: Database) -> None:
    expect(page.locator("#headline")).to_have_text("Starting")
    fill(db)
    expect(page.locator("#labels")).to_have_text(str(LABELS))
    expect(page.locator("#headline")).to_have_text("Training the policy")
    expect(page.locator("#accuracy")).to_have_text("42.0 %")
    expect(page.locator("#policy-version")).to_have_text("π2")
    expect(page.locator("#human-version")).to_have_text("π2")
    expect(page.locator("#human")).to_have_text("40.0 %")
    expect(page.locator("#human-note")).to_have_text("12 to 77, chance 50 %")
    expect(page.locator(".charts canvas")).to_have_count(9)
    expect(page.locator("#versions tr")).to_have_count(6)
    expect(page.locator("#jobs summary")).to_have_text(f"OSError: {EVIL}")
    page.locator("#jobs summary").click()
    stops.stop(db, by="ada", reason="odd texts")
    expect(page.locator("#headline")).to_have_text("Paused")
    expect(page.locator("#alarms li").first).to_contain_text("ada stopped the line: odd texts")
    expect(page.locator("#jobs pre")).to_be_visible()
    page.locator("#score-chart .u-over").hover()
    expect(page.locator("#score-chart output")).to_have_text(re.compile(r"episode \d"))
    page.locator("#accuracy-chart .plot").press("ArrowRight")
    expect(page.locator("#accuracy-chart output")).to_have_text("r1: 20.0 % of 12, rejected: below chance")


def test_queues_in_the_browser(page: Page, redis_url: str) -> None:
    with Redis.from_url(redis_url) as connection:
        queue = Queue("ppo", connection=connection, serializer=JSONSerializer)
        queue.enqueue("shared.queues.deliver", "policy-1", 1, job_id="policy-1-1", description=EVIL)
        page.get_by_role("link", name="Queues").click()
        page.get_by_role("row", name="ppo").get_by_role("link").first.click()
        expect(page.get_by_text(EVIL)).to_be_visible()
        expect(page.get_by_text("Compact")).to_be_hidden()
        page.get_by_role("link", name="policy-1-1").click()
        expect(page.locator(".description-scroll")).to_have_text(EVIL)
        page.get_by_role("link", name="Workers").click()
        expect(page.get_by_text("No workers.")).to_be_visible()
        page.get_by_title("back to the loop").click()
        expect(page.locator("#headline")).to_be_visible()
