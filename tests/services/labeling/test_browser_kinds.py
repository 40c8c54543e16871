"""Every kind of label in a real browser: what is asked, answered and kept."""

from playwright.sync_api import Page, expect

from shared.domain import LabelKind
from shared.store.database import Database
from tests.services.labeling.conftest import asking, labeling_with
from tests.services.labeling.pages import expect_labels, keep_picture, shown, visit
from tests.services.labeling.rows import add_queries, chosen, ratings
from tests.web import needs_chromium

pytestmark = needs_chromium
RATING, PAIRWISE = asking(LabelKind.RATING, 1), asking(LabelKind.PAIRWISE, 2)


def test_rating_by_key_and_by_mouse(page: Page, db: Database) -> None:
    """Numbers off the scale do nothing, 0 among them: the low end of the scale says that none is acceptable."""
    add_queries(db, ["one", "two", "three"], responses=1)
    with labeling_with(RATING, db) as labeling:
        visit(page, labeling)
        expect(page.get_by_role("heading", name="How good is this response?")).to_be_visible()
        expect(page.locator("#responses")).to_have_text("answer 0 to one.")
        expect(page.locator("#responses button")).to_have_count(0)
        scale = page.get_by_role("group", name="How good is this response?").get_by_role("button")
        expect(scale).to_have_text(["1very bad", "2", "3", "4", "5", "6", "7very good"])
        for key in ("0", "8", "9"):
            page.keyboard.press(key)
        page.keyboard.press("7")
        expect_labels(page, 1)
        expect(page.locator("#query")).to_have_text("two")
        scale.nth(2).click()
        expect_labels(page, 2)
        expect(page.locator("#query")).to_have_text("three")
        expect(page.locator(".chosen")).to_have_count(0)
        keep_picture(page, "rating")
    assert ratings(db) == {"one": 7, "two": 3}


def test_one_of_two_by_key(page: Page, db: Database) -> None:
    add_queries(db, ["one", "two"], responses=2)
    picked = {}
    with labeling_with(PAIRWISE, db) as labeling:
        visit(page, labeling)
        expect(page.get_by_role("heading", name="Which response is better?")).to_be_visible()
        for number, query in enumerate(("one", "two"), 1):
            expect(page.locator("#query")).to_have_text(query)
            _, responses = shown(page)
            expect(page.locator("#responses kbd")).to_have_text(["1", "2"])
            expect(page.locator("#scale")).to_be_hidden()
            picked[query] = [responses[number - 1]]
            page.keyboard.press("3")
            page.keyboard.press(str(number))
            expect_labels(page, number)
    assert chosen(db) == picked


def test_a_scale_fits_a_phone(page: Page, db: Database) -> None:
    add_queries(db, ["word " * 40], responses=1)
    page.set_viewport_size({"width": 320, "height": 740})
    with labeling_with(RATING, db) as labeling:
        visit(page, labeling)
        expect(page.locator("#scale button")).to_have_count(7)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        boxes = [button.bounding_box() for button in page.locator("#scale button").all()]
        assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 320 for box in boxes)
        assert len({box["y"] for box in boxes if box}) == 1
