"""Answering in a real browser: by keyboard and by mouse, twenty questions at a stretch, whatever a text contains."""

import statistics
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, Request, expect

from shared.store import stops
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling
from tests.services.labeling.pages import QUERIES, expect_labels, keep_picture, shown, visit
from tests.services.labeling.rows import EVIL, add_queries, chosen, lease_states, remarks, seconds_taken, skips
from tests.web import needs_chromium

pytestmark = needs_chromium
PACE = """() => {
  const took = (window.took = []);
  let pressed = 0;
  addEventListener("keydown", () => { pressed = performance.now(); }, true);
  new MutationObserver(() => requestAnimationFrame(() => took.push(performance.now() - pressed)))
    .observe(document.getElementById("query"), { childList: true });
}"""


def test_twenty_queries_by_keyboard(page: Page, labeling: Labeling, db: Database) -> None:
    """A session as people have it: with an undo, a skip, the connection gone for a while, and the line stopped."""
    add_queries(db, [f"query {n}" for n in range(21)])
    visit(page, labeling)
    picked: dict[str, list[str]] = {}
    query = skipped = ""
    for n in range(21):
        query, responses = shown(page, after=query)
        if n == 3:
            skipped = query
            for key in ("s", "2"):
                page.keyboard.press(key)
            continue
        if n == 7:
            page.keyboard.press("1")
            shown(page, after=query)
            page.keyboard.press("u")
            expect(page.locator("#query")).to_have_text(query)
            shown(page)
        if n == 11:
            page.context.set_offline(True)
            expect(page.locator("#trouble")).to_contain_text("You are offline")
        choice = n % 4
        picked[query] = [responses[choice]]
        page.keyboard.press(str(choice + 1))
        if n == 11:
            expect(page.locator("#trouble")).to_contain_text("Your answer is kept")
            keep_picture(page, "offline")
            page.context.set_offline(False)
            expect(page.locator("#trouble")).to_be_hidden()
        if n == 15:
            shown(page, after=query)
            page.keyboard.press("x")
            page.keyboard.type("odd texts")
            page.keyboard.press("Enter")
            expect(page.locator("#stopped")).to_contain_text("by ada: odd texts")
            keep_picture(page, "stopped")
    expect(page.get_by_role("heading", name="The line is stopped")).to_be_visible()
    expect_labels(page, 20)
    expect(page.locator("#skipped")).to_have_text("1 skipped")
    assert chosen(db) == picked
    assert skips(db) == {skipped: ("off_topic", None)}
    standing = stops.standing(db)
    assert standing is not None
    assert (standing.by, standing.reason) == ("ada", "odd texts")


def test_one_request_a_question(page: Page, labeling: Labeling, db: Database) -> None:
    """Answer and next query go together. How long that takes is printed, not judged."""
    add_queries(db, [f"query {n}" for n in range(12)])
    visit(page, labeling)
    query, _ = shown(page)
    page.evaluate(PACE)
    sent: list[str] = []

    def posted(request: Request) -> None:
        sent.append(f"{request.method} {httpx.URL(request.url).path.rpartition('/')[2]}")

    page.on("request", posted)
    for n in range(10):
        page.keyboard.press("1")
        query, _ = shown(page, after=query)
        expect_labels(page, n + 1)
    assert sent == ["POST answer"] * 10
    took = page.evaluate("took")
    assert len(took) == 10
    print(f"from key to the next query: {statistics.median(took):.0f} ms, median of 10")


def test_texts_are_shown_as_they_are(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, [EVIL])
    visit(page, labeling)
    query, responses = shown(page)
    assert query == EVIL
    assert sorted(responses) == [f"answer {i} to {EVIL}." for i in range(4)]
    page.keyboard.press("c")
    page.keyboard.type(EVIL)
    page.keyboard.press("Enter")
    page.keyboard.press("x")
    page.keyboard.type(EVIL)
    page.keyboard.press("Enter")
    expect(page.locator("#stopped")).to_contain_text(f"by ada: {EVIL}")
    page.keyboard.press("1")
    expect_labels(page, 1)
    assert remarks(db) == {EVIL: (None, EVIL)}
    assert page.locator("main img, #banners img, dialog img").count() == 0


def test_by_mouse_and_by_enter_on_the_focused_card(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:2])
    visit(page, labeling)
    first, responses = shown(page)
    page.get_by_role("button", name=responses[2]).click()
    picked = {first: [responses[2]]}
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
    for chord in ("Control+1", "Alt+1", "Meta+s", "9", "5"):
        page.keyboard.press(chord)
    page.wait_for_timeout(200)
    assert sorted(chosen(db)) == sorted([first, second])
    assert lease_states(db) == ["done", "done", "open"]


def test_the_answer_of_another_window_stands(new_page: Callable[[], Page], labeling: Labeling, db: Database) -> None:
    """The text of the one that was not taken stays until its person goes on."""
    add_queries(db, QUERIES[:2])
    one, two = new_page(), new_page()
    visit(one, labeling)
    visit(two, labeling)
    query, responses = shown(one)
    assert shown(two) == (query, responses)
    one.keyboard.press("1")
    expect_labels(one, 1)
    two.keyboard.press("c")
    two.keyboard.type(EVIL)
    two.keyboard.press("Enter")
    two.keyboard.press("2")
    expect(two.get_by_role("heading", name="Your answer was not taken")).to_be_visible()
    expect(two.locator("#lost-reason")).to_contain_text("which stands")
    expect(two.locator("#lost-text dd")).to_have_text([query, responses[1], EVIL])
    two.reload()
    expect(two.locator("#lost-text dd")).to_have_text([query, responses[1], EVIL])
    keep_picture(two, "not-taken")
    two.keyboard.press("Enter")
    shown(two, after=query)
    assert chosen(db) == {query: [responses[0]]}


def test_seconds_count_from_when_the_question_was_shown(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:2])
    visit(page, labeling)
    query, _ = shown(page)
    page.wait_for_timeout(1000)
    page.keyboard.press("1")
    shown(page, after=query)
    page.keyboard.press("1")
    expect_labels(page, 2)
    first, second = seconds_taken(db)
    assert 0.9 < first < 5
    assert second < first
