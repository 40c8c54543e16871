"""The page in a real browser: by keyboard and mouse, with the server gone for a while, and whatever a text contains."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, expect

from services.labeling.app import build
from shared.domain import Role
from shared.settings import LabelSettings, Settings
from shared.store import accounts
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with
from tests.services.labeling.rows import EVIL, add_queries, chosen, lease_states, seconds_taken
from tests.web import needs_chromium, served

pytestmark = needs_chromium
QUERIES = [f"query {n}" for n in range(4)]
FAILED_REQUEST = "Failed to load resource"  # how Chromium tells of refusals, which are part of these tests


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Pages that fail the test where a script errs, the policy is violated, or a request leaves the machine."""
    trouble: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if FAILED_REQUEST not in message.text:
            trouble.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith("http://127.0.0.1:"):
            trouble.append(request.url)

    with ExitStack() as pages:

        def new() -> Page:
            page = pages.enter_context(browser.new_context()).new_page()
            page.on("console", heard)
            page.on("pageerror", lambda error: trouble.append(str(error)))
            page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
            page.on("request", asked)
            return page

        yield new
    assert trouble == []


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    return new_page()


def visit(page: Page, labeling: Labeling, key: str | None = None) -> None:
    page.goto(f"{labeling.url}/#key={key or labeling.ada}")


def shown(page: Page, *, after: str = "") -> tuple[str, list[str]]:
    """The query and the responses that are to be seen, which are not those of the query `after`."""
    expect(page.locator("#responses button")).not_to_have_count(0)
    expect(page.locator("#query")).not_to_have_text(after)
    return page.locator("#query").inner_text(), page.locator("#responses span").all_inner_texts()


def expect_labels(page: Page, count: int) -> None:
    expect(page.locator("#labels")).to_have_text("1 label" if count == 1 else f"{count} labels")


def test_labels_by_keyboard(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling)
    picked: dict[str, list[str]] = {}
    query = ""
    for n in range(4):
        query, responses = shown(page, after=query)
        expect(page.locator("#responses kbd")).to_have_text(["1", "2", "3", "4"])
        picked[query] = [responses[n]]
        page.keyboard.press(str(n + 1))
        expect_labels(page, n + 1)
    expect(page.get_by_role("status")).to_have_text("No queries right now, looking again.")
    assert chosen(db) == picked
    assert sorted(picked) == QUERIES


def test_the_key_leaves_the_address_and_survives_a_reload(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling)
    question = shown(page)
    assert page.url == f"{labeling.url}/"
    page.reload()
    assert shown(page) == question


def test_texts_are_shown_as_they_are(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, [EVIL])
    visit(page, labeling)
    query, responses = shown(page)
    assert query == EVIL
    assert sorted(responses) == [f"answer {i} to {EVIL}." for i in range(4)]
    assert page.locator("main img").count() == 0


def test_by_mouse_and_by_enter_on_the_focused_card(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:2])
    visit(page, labeling)
    first, responses = shown(page)
    page.get_by_role("button", name=responses[2]).click()
    picked = {first: [responses[2]]}
    expect_labels(page, 1)
    second, responses = shown(page, after=first)
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=responses[1])).to_be_focused()
    page.keyboard.press("Enter")
    expect_labels(page, 2)
    assert chosen(db) == picked | {second: [responses[1]]}


def test_one_press_is_one_label(page: Page, labeling: Labeling, db: Database) -> None:
    """A double click and a key held down are for the question that was seen, not for the next one."""
    add_queries(db, QUERIES)
    visit(page, labeling)
    first, _ = shown(page)
    box = page.locator("#responses button").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 9, box["y"] + 9)
    second, _ = shown(page, after=first)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    page.wait_for_timeout(200)
    assert list(chosen(db)) == [first]
    for _ in range(5):
        page.keyboard.down("1")
        page.wait_for_timeout(60)
    expect_labels(page, 2)
    for chord in ("Control+1", "Alt+1", "Meta+s", "9", "5", "0", "x"):
        page.keyboard.press(chord)
    page.wait_for_timeout(200)
    assert sorted(chosen(db)) == sorted([first, second])
    assert lease_states(db) == ["done", "done", "open"]


@pytest.mark.parametrize("by_key", [True, False])
def test_skips(page: Page, labeling: Labeling, db: Database, by_key: bool) -> None:
    add_queries(db, QUERIES[:2])
    visit(page, labeling)
    first, _ = shown(page)
    if by_key:
        page.keyboard.press("s")
    else:
        page.get_by_role("button", name="Skip this one").click()
    expect(page.locator("#pace")).to_have_text("1 skipped")
    expect(page.locator("#query")).not_to_have_text(first)
    expect(page.get_by_role("status")).to_have_text("Skipped.")
    assert lease_states(db) == ["open", "skipped"]


def test_seconds_count_from_when_the_question_was_shown(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:2])
    visit(page, labeling)
    query, _ = shown(page)
    page.wait_for_timeout(1500)
    page.keyboard.press("1")
    shown(page, after=query)
    page.keyboard.press("1")
    expect_labels(page, 2)
    first, second = seconds_taken(db)
    assert 1.4 < first < 5
    assert second < first


def test_it_waits_for_queries(page: Page, labeling: Labeling, db: Database) -> None:
    visit(page, labeling)
    expect(page.get_by_role("status")).to_have_text("No queries right now, looking again.")
    add_queries(db, QUERIES[:1])
    assert shown(page)[0] == QUERIES[0]
    expect(page.get_by_role("status")).to_have_text("")


def test_the_server_may_go_and_come_back(page: Page, settings: Settings, db: Database) -> None:
    """The answer given meanwhile arrives, a reload in between or not."""
    add_queries(db, QUERIES)
    key = accounts.create_account(db, "ada", Role.LABELER)
    with served(build(settings, db)) as url:
        page.goto(f"{url}/#key={key}")
        first, responses = shown(page)
        picked = {first: [responses[1]]}
    page.keyboard.press("2")
    expect(page.get_by_role("alert")).to_contain_text("Your answer is kept")
    page.keyboard.press("3")  # too late to change one's mind
    with served(build(settings, db), port=httpx.URL(url).port or 0):
        expect_labels(page, 1)
        expect(page.get_by_role("alert")).to_be_hidden()
        second, responses = shown(page, after=first)
        page.route("**/answer", lambda route: route.abort())
        page.keyboard.press("4")
        expect(page.get_by_role("alert")).to_contain_text("Your answer is kept")
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
        page.unroute("**/answer")

    page.route("**/answer", lose_once)
    page.keyboard.press("1")
    expect_labels(page, 1)
    assert "label_id" in lost[0]
    assert chosen(db) == {query: [responses[0]]}


def test_a_key_that_is_not_known(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling, "wrong")
    for wrong in ("wrong again", "clé"):
        expect(page.get_by_role("alert")).to_have_text("This key is not known.")
        expect(page.get_by_label("Your key")).to_be_focused()
        page.get_by_label("Your key").fill(wrong)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Your key")).to_have_value("")
    page.get_by_label("Your key").fill(f" {labeling.ada} ")
    page.get_by_role("button", name="Start labeling").click()
    shown(page)
    assert page.url == f"{labeling.url}/"


def test_signing_out_forgets_the_key(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    page.goto(labeling.url)
    page.get_by_label("Your key").fill(labeling.ada)
    page.keyboard.press("Enter")
    shown(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your key")).to_be_focused()
    page.reload()
    expect(page.get_by_label("Your key")).to_be_focused()
    assert page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})") == "{}"


def test_a_key_revoked_meanwhile_does_not_lose_the_answer(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling)
    query, responses = shown(page)
    accounts.revoke(db, "ada")
    page.keyboard.press("1")
    expect(page.get_by_role("alert")).to_have_text("This key is not known.")
    new_key = accounts.new_key()
    accounts.ensure_account(db, "ada", Role.LABELER, new_key)
    page.get_by_label("Your key").fill(new_key)
    page.keyboard.press("Enter")
    expect_labels(page, 1)
    assert chosen(db) == {query: [responses[0]]}


def test_an_expired_question_is_told_and_passed_over(page: Page, db: Database) -> None:
    add_queries(db, QUERIES)
    with labeling_with(Settings(labels=LabelSettings(lease_seconds=1)), db) as labeling:
        visit(page, labeling)
        shown(page)
        time.sleep(1.2)
        page.keyboard.press("1")
        expect(page.get_by_role("status")).to_contain_text("open for too long")
        expect(page.locator("#question")).not_to_have_attribute("aria-busy", "true")
        expect(page.locator(".chosen")).to_have_count(0)  # the next one is there, it may be the same again
        page.keyboard.press("1")
        expect_labels(page, 1)
        expect(page.get_by_role("status")).to_have_text("Saved.")


def test_the_answer_of_another_window_stands(new_page: Callable[[], Page], labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:2])
    one, two = new_page(), new_page()
    visit(one, labeling)
    visit(two, labeling)
    query, responses = shown(one)
    assert shown(two) == (query, responses)
    one.keyboard.press("1")
    expect_labels(one, 1)
    two.keyboard.press("2")
    expect(two.get_by_role("status")).to_contain_text("answered or skipped already")
    expect(two.locator("#query")).not_to_have_text(query)
    assert chosen(db) == {query: [responses[0]]}


def test_somebody_elses_question_is_passed_over(page: Page, labeling: Labeling, db: Database) -> None:
    """As where another person signs in before an answer arrived."""
    add_queries(db, QUERIES)
    visit(page, labeling, labeling.grace)
    first, _ = shown(page)
    page.evaluate("key => sessionStorage.setItem('key', key)", labeling.ada)
    page.keyboard.press("1")
    expect(page.get_by_role("status")).to_contain_text("not yours any more")
    expect(page.locator("#query")).not_to_have_text(first)
    assert chosen(db) == {}


@pytest.mark.parametrize("width", [320, 390])
def test_it_fits_a_phone(page: Page, labeling: Labeling, db: Database, width: int) -> None:
    add_queries(db, ["word " * 80 + "unbroken" * 40], responses=8)
    page.set_viewport_size({"width": width, "height": 740})
    visit(page, labeling)
    shown(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = [card.bounding_box() for card in page.locator("#responses button").all()]
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(page: Page, labeling: Labeling, db: Database, scheme: str) -> None:
    """WCAG AA: a contrast of 4.5 and more."""
    add_queries(db, QUERIES)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    visit(page, labeling)
    shown(page)
    for text, ground in (("#responses span", "#responses button"), ("#query", "body"), ("#keys", "body")):
        colors = (_color(page, text, "color"), _color(page, ground, "backgroundColor"))
        light, dark = sorted(map(_luminance, colors), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, colors)
    assert (_luminance(_color(page, "body", "backgroundColor")) < 0.1) == (scheme == "dark")


def _color(page: Page, selector: str, name: str) -> list[int]:
    value: str = page.locator(selector).first.evaluate("(element, name) => getComputedStyle(element)[name]", name)
    return [int(number) for number in re.findall(r"\d+", value)[:3]]


def _luminance(color: list[int]) -> float:
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
