"""What happens when the server, the connection or the time is gone: the answer waits, and the page says so."""

import httpx
from playwright.sync_api import Page, Route, expect

from services.labeling.app import build
from shared.domain import Role
from shared.settings import LabelSettings, Settings
from shared.store import accounts
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with
from tests.services.labeling.pages import QUERIES, expect_labels, shown, visit
from tests.services.labeling.rows import add_queries, chosen
from tests.web import needs_chromium, served

pytestmark = needs_chromium


def brief(seconds: int) -> Settings:
    return Settings(name="test", labels=LabelSettings(lease_seconds=seconds))


def test_the_server_may_go_and_come_back(page: Page, settings: Settings, db: Database) -> None:
    """The answer given meanwhile arrives, a reload in between or not."""
    add_queries(db, QUERIES)
    key = accounts.create_account(db, "ada", Role.LABELER)
    with served(build(settings, db)) as url:
        page.goto(f"{url}/#key={key}")
        first, responses = shown(page)
        picked = {first: [responses[1]]}
    page.keyboard.press("2")
    expect(page.locator("#trouble")).to_contain_text("The server does not answer. Your answer is kept")
    for key in ("3", "0", "u"):  # too late to change one's mind
        page.keyboard.press(key)
    with served(build(settings, db), port=httpx.URL(url).port or 0):
        expect_labels(page, 1)
        expect(page.locator("#trouble")).to_be_hidden()
        second, responses = shown(page, after=first)
        page.route("**/answer", lambda route: route.abort())
        page.keyboard.press("4")
        expect(page.locator("#trouble")).to_contain_text("Your answer is kept")
        page.unroute("**/answer")
        page.reload()
        expect_labels(page, 2)
    assert chosen(db) == picked | {second: [responses[3]]}


def test_a_receipt_that_was_lost_is_no_second_label(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:2])
    visit(page, labeling)
    query, responses = shown(page)
    lost: list[str] = []

    def lose_once(route: Route) -> None:
        lost.append(route.fetch().text())
        route.abort()

    page.route("**/answer", lose_once, times=1)
    page.keyboard.press("1")
    expect_labels(page, 1)
    assert "label_id" in lost[0]
    assert chosen(db) == {query: [responses[0]]}
    expect(page.locator("#note")).to_have_text("Saved · #1")


def test_a_server_that_asks_to_wait_is_waited_for(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling)
    query, responses = shown(page)

    def too_many(route: Route) -> None:
        route.fulfill(status=429, headers={"Retry-After": "1"}, json={"detail": "too many requests"})

    page.route("**/answer", too_many, times=1)
    page.keyboard.press("1")
    expect(page.locator("#trouble")).to_contain_text("asks to wait for 1 s. Your answer is kept")
    expect_labels(page, 1)
    expect(page.locator("#trouble")).to_be_hidden()
    assert chosen(db) == {query: [responses[0]]}


def test_a_question_goes_back_unless_it_is_kept(page: Page, db: Database) -> None:
    add_queries(db, QUERIES)
    with labeling_with(brief(2), db) as labeling:
        visit(page, labeling)
        query, responses = shown(page)
        expect(page.locator("#lease-news")).to_contain_text("goes to somebody else soon")
        expect(page.locator("#lease-left")).to_have_text("1 s")
        page.get_by_role("button", name="Keep it").click()
        expect(page.locator("#lease-left")).to_have_text("2 s")
        expect(page.locator("#lease-news")).to_contain_text("The time for this question is over")
        page.keyboard.press("1")
        expect_labels(page, 1)
    assert chosen(db) == {query: [responses[0]]}


def test_it_is_kept_while_its_person_is_active(page: Page, db: Database) -> None:
    add_queries(db, QUERIES)
    with labeling_with(brief(2), db) as labeling:
        visit(page, labeling)
        shown(page)
        with page.expect_response("**/renew") as renewed:
            page.keyboard.press("Tab")
        assert renewed.value.status == 200
        expect(page.locator("#lease-left")).to_have_text("2 s")


def test_a_late_answer_whose_place_is_taken_stays_on_the_page(page: Page, db: Database) -> None:
    add_queries(db, QUERIES[:1])
    with labeling_with(brief(1), db) as labeling, labeling.client(labeling.grace) as grace:
        visit(page, labeling)
        query, responses = shown(page)
        expect(page.locator("#lease")).to_have_class("over")
        taken = grace.post("/api/leases", json={}).json()["lease"]
        given = {"position": 0, "seconds": 1}
        assert grace.post(f"/api/leases/{taken['id']}/answer", json=given).status_code == 200
        page.keyboard.press("3")
        expect(page.get_by_role("heading", name="Your answer was not taken")).to_be_visible()
        expect(page.locator("#lost-text dd")).to_have_text([query, responses[2]])
        expect(page.locator("#lost-reason")).to_contain_text("its place is taken")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="No questions right now")).to_be_visible()
        expect_labels(page, 0)
