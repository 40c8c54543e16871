"""What people say beside a choice: none will do, a flag, a critique, a skip with its reason, undo; and the dialogs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from services.labeling.page import guidelines
from shared.domain import LoopError, TaskName
from shared.settings import LabelSettings, Settings, TaskSettings
from shared.store import accounts, stops
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with
from tests.services.labeling.pages import QUERIES, expect_labels, shown, visit
from tests.services.labeling.rows import EVIL, add_queries, chosen, remarks, skips
from tests.web import needs_chromium

pytestmark = needs_chromium


@pytest.fixture
def question(page: Page, labeling: Labeling, db: Database) -> str:
    """The first of four queries, on the page."""
    add_queries(db, QUERIES)
    visit(page, labeling)
    return shown(page)[0]


def test_none_is_acceptable(page: Page, question: str, db: Database) -> None:
    page.keyboard.press("0")
    second, _ = shown(page, after=question)
    page.get_by_role("button", name="None is acceptable").click()
    expect_labels(page, 2)
    assert remarks(db) == {question: (None, None), second: (None, None)}
    assert chosen(db) == {}


def test_a_flag_and_a_critique_go_with_the_answer(page: Page, question: str, db: Database) -> None:
    """Letters are text while they are written, a reload does not lose them, and the next question has none."""
    page.keyboard.press("f")
    page.keyboard.press("2")
    expect(page.locator("#flagged")).to_have_text("Flagged: offensive")
    page.keyboard.press("c")
    page.keyboard.type("123 sugar?")
    page.keyboard.press("Enter")
    expect(page.locator("#query")).to_be_focused()
    page.reload()
    expect(page.locator("#flagged")).to_have_text("Flagged: offensive")
    expect(page.get_by_label("What is wrong?")).to_have_value("123 sugar?")
    page.keyboard.press("3")
    shown(page, after=question)
    expect(page.locator("#flagged")).to_be_hidden()
    expect(page.get_by_label("What is wrong?")).to_be_hidden()
    assert remarks(db) == {question: ("offensive", "123 sugar?")}


def test_a_flag_can_be_taken_off(page: Page, question: str, db: Database) -> None:
    page.get_by_role("button", name="Flag").click()
    page.get_by_role("button", name="All alike").click()
    expect(page.locator("#flagged")).to_have_text("Flagged: all alike")
    page.keyboard.press("f")
    page.keyboard.press("Escape")
    expect(page.locator("#flagged")).to_have_text("Flagged: all alike")
    page.keyboard.press("f")
    page.keyboard.press("f")
    expect(page.locator("#flagged")).to_be_hidden()
    page.keyboard.press("1")
    expect_labels(page, 1)
    assert remarks(db) == {question: (None, None)}


def test_a_dialog_opened_again_at_once_is_not_ended_by_its_last_closing(
    page: Page, question: str, db: Database
) -> None:
    """The browser tells of a closing a little later, here after the next opening."""
    page.keyboard.press("f")
    page.keyboard.press("4")
    page.keyboard.press("f")
    page.evaluate("""() => {
        const button = (value) => document.querySelector(`#flagging button[value="${value}"]`);
        button("").click();
        document.querySelector("#flag").click();
    }""")
    page.keyboard.press("f")
    expect(page.locator("#flagged")).to_be_hidden()
    page.keyboard.press("1")
    expect_labels(page, 1)
    assert remarks(db) == {question: (None, None)}


def test_skips(page: Page, labeling: Labeling, db: Database) -> None:
    """With a reason, a note, both or neither, by two keys where it is quickest; Escape is no skip."""
    note = ["s", "Shift+Tab", "Shift+Tab", "h", "2"]
    ways: list[tuple[list[str], tuple[str | None, str | None]]] = [
        (["s", "s"], (None, None)),
        (["s", "Enter"], (None, None)),
        (["s", "3"], ("offensive", None)),
        ([*note, "Enter"], (None, "h2")),
        ([*note, "Tab", "6"], ("other", "h2")),
    ]
    add_queries(db, [f"query {n}" for n in range(6)])
    visit(page, labeling)
    shown(page)
    page.get_by_role("button", name="Skip").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expected = {}
    for count, (keys, kept) in enumerate(ways, 1):
        query, _ = shown(page)
        expected[query] = kept
        for key in keys:
            page.keyboard.press(key)
        expect(page.locator("#skipped")).to_have_text(f"{count} skipped")
        shown(page, after=query)
    expect(page.locator("#note")).to_have_text("Skipped")
    assert skips(db) == expected
    expect_labels(page, 0)


def test_undo_shows_the_question_again(page: Page, question: str, db: Database) -> None:
    """With what was said beside the answer; and undo of a skip as well."""
    page.keyboard.press("c")
    page.keyboard.type("dull")
    page.keyboard.press("Enter")
    page.keyboard.press("1")
    second, _ = shown(page, after=question)
    page.keyboard.press("u")
    _, responses = shown(page, after=second)
    expect(page.locator("#query")).to_have_text(question)
    expect(page.locator("#note")).to_have_text("Undone: answer again.")
    expect(page.get_by_label("What is wrong?")).to_have_value("dull")
    expect_labels(page, 0)
    expect(page.get_by_role("button", name="Undo the last")).to_be_disabled()
    page.keyboard.press("2")
    shown(page, after=question)
    expect_labels(page, 1)
    page.keyboard.press("s")
    page.keyboard.press("s")
    expect(page.locator("#note")).to_have_text("Skipped")
    page.get_by_role("button", name="Undo the last").click()
    expect(page.locator("#query")).to_have_text(second)
    assert remarks(db) == {question: (None, "dull")}
    assert chosen(db) == {question: [responses[1]]}
    assert skips(db) == {}


def test_undo_when_nothing_is_left(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES[:1])
    visit(page, labeling)
    query, _ = shown(page)
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="No questions right now")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("#query")).to_have_text(query)
    expect_labels(page, 0)


def test_stopping_the_line_needs_a_reason(page: Page, question: str, db: Database) -> None:
    """The banner is gone once an operator lets the line go on, and the question has not moved."""
    page.keyboard.press("x")
    expect(page.get_by_role("dialog")).to_contain_text("halts all training")
    page.get_by_role("dialog").get_by_role("button", name="Stop the line").click()
    expect(page.get_by_role("dialog")).to_contain_text("Say why")
    assert stops.standing(db) is None
    page.keyboard.press("Tab")
    page.get_by_label("The reason").fill(EVIL)
    page.keyboard.press("Enter")
    expect(page.locator("#stopped")).to_contain_text(f"by ada: {EVIL}")
    stop = stops.standing(db)
    assert stop is not None
    assert (stop.by, stop.reason) == ("ada", EVIL)
    assert shown(page)[0] == question
    stops.resume(db, by="operator")
    page.reload()
    expect(page.locator("#stopped")).to_be_hidden()


def test_who_is_paused_is_told_why(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    accounts.pause(db, "ada", EVIL)
    visit(page, labeling)
    expect(page.get_by_role("heading", name="You are paused")).to_be_visible()
    expect(page.locator("#empty-more")).to_contain_text(EVIL)
    expect(page.locator("#empty-when")).to_contain_text("Looking again in")


def test_it_waits_for_questions(new_page: Callable[[], Page], labeling: Labeling, db: Database) -> None:
    page, other = new_page(), new_page()
    visit(page, labeling)
    expect(page.get_by_role("heading", name="No questions right now")).to_be_visible()
    add_queries(db, QUERIES[:1])
    assert shown(page)[0] == QUERIES[0]
    visit(other, labeling, labeling.grace)
    expect(other.get_by_role("heading", name="All questions are taken")).to_be_visible()


def test_single_keys_can_be_turned_off(page: Page, question: str) -> None:
    page.keyboard.press("?")
    page.get_by_label("Single keys act at once").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.keyboard.press("s")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert shown(page)[0] == question
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_labels(page, 1)


def test_guidelines_are_a_key_away(page: Page, tmp_path: Path, db: Database) -> None:
    file = tmp_path / "guidelines.txt"
    file.write_text(f"Read <b>all</b>.\n\n# First\n\n- {EVIL}\n- two\n")
    with labeling_with(Settings(name="test", labels=LabelSettings(guidelines=file)), db) as labeling:
        visit(page, labeling)
        expect(page.locator("#empty")).to_be_visible()
        page.keyboard.press("g")
        dialog = page.get_by_role("dialog", name="Guidelines")
        expect(dialog.locator("p")).to_have_text("Read <b>all</b>.")
        expect(dialog.locator("h3")).to_have_text("First")
        expect(dialog.locator("li")).to_have_text([EVIL, "two"])
        page.keyboard.press("g")
        expect(dialog).to_be_hidden()


@pytest.mark.parametrize("task", ["sentiment", "descriptiveness", "tldr", "cnndm"])
def test_every_task_has_guidelines(task: TaskName) -> None:
    text = guidelines(Settings(task=TaskSettings(name=task)))
    assert "None is acceptable" in text
    assert text.count("\n# ") == 3


def test_guidelines_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    file = tmp_path / "latin.txt"
    file.write_bytes(b"\xff\xfe")
    for path in (file, tmp_path / "missing.txt"):
        with pytest.raises(LoopError, match=f"labels.guidelines {path}: .*name a text file in UTF-8"):
            guidelines(Settings(labels=LabelSettings(guidelines=path)))
