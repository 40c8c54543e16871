"""The page for everybody: axe-core finds nothing serious, it fits a phone, and pictures of it are kept."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from shared.store.database import Database
from tests.services.labeling.conftest import Labeling
from tests.services.labeling.pages import QUERIES, expect_labels, keep_picture, shown, visit
from tests.services.labeling.rows import add_queries
from tests.web import needs_chromium

pytestmark = needs_chromium
DIALOGS = {"skip": "s", "flag": "f", "guidelines": "g", "keys": "?", "stop": "x"}


def flaws(page: Page) -> list[tuple[str, list[Any]]]:
    """What axe-core calls serious or critical, contrast among it, and where."""
    found = Axe().run(page).response["violations"]
    grave = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    return [(violation["id"], [node["target"] for node in violation["nodes"]]) for violation in grave]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, labeling: Labeling, db: Database, scheme: str) -> None:
    add_queries(db, ["word " * 200])
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    def check(name: str) -> None:
        keep_picture(page, f"{name}-{scheme}")
        assert flaws(page) == [], name

    page.goto(labeling.url)
    expect(page.locator("#sign-in")).to_be_visible()
    check("sign-in")
    visit(page, labeling)
    shown(page)
    for name, key in DIALOGS.items():
        page.keyboard.press(key)
        expect(page.get_by_role("dialog")).to_be_visible()
        check(name)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    for key in ("f", "1", "c"):
        page.keyboard.press(key)
    page.keyboard.type("dull")
    check("question")
    page.keyboard.press("Enter")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="No questions right now")).to_be_visible()
    check("empty")


def test_focus_and_news_for_screen_readers(page: Page, labeling: Labeling, db: Database) -> None:
    """The focus goes to the new query and comes back from dialogs; what happened is said without being asked for."""
    add_queries(db, QUERIES)
    visit(page, labeling)
    query, responses = shown(page)
    expect(page.get_by_role("group", name="Query")).to_be_focused()
    for position, response in enumerate(responses, 1):
        button = page.get_by_role("button", name=f"{position} {response}", exact=True)
        expect(button).to_have_attribute("aria-keyshortcuts", str(position))
    page.get_by_role("button", name="Flag").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Flag")).to_be_focused()
    page.keyboard.press("1")
    shown(page, after=query)
    expect(page.get_by_role("group", name="Query")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_have_text("Saved · #1")


def test_every_key_has_a_button(page: Page, labeling: Labeling, db: Database) -> None:
    """Each key of the help is one that a button, which can be seen, names."""
    add_queries(db, QUERIES)
    visit(page, labeling)
    query, _ = shown(page)
    page.keyboard.press("1")
    shown(page, after=query)
    expect_labels(page, 1)
    told = set(page.locator("#helping dt kbd").all_text_contents()) - {"Esc", "k"}  # k: while time runs out
    for key in told:
        expect(page.locator(f"button[aria-keyshortcuts='{key}']:visible")).to_have_count(1)


@pytest.mark.parametrize(("width", "name"), [(320, "phone"), (640, "zoomed")])
def test_it_fits(page: Page, labeling: Labeling, db: Database, width: int, name: str) -> None:
    """The smallest phone; and 640 pixels are what 1280 are at 200 %."""
    add_queries(db, ["word " * 80 + "unbroken" * 40], responses=8)
    page.set_viewport_size({"width": width, "height": 740})
    visit(page, labeling)
    shown(page)
    for key in ("", *DIALOGS.values()):
        if key:
            page.keyboard.press(key)
            expect(page.get_by_role("dialog")).to_be_visible()
        buttons = page.locator("button:visible").all()
        boxes = [button.bounding_box() for button in buttons]
        assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.keyboard.press("Escape")
    keep_picture(page, name)
