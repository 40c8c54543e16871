"""Every kind of label over the REST API and in a real browser: what is asked, answered and kept."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from shared.domain import LabelKind
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, asking, labeling_with
from tests.services.labeling.rows import add_queries, chosen, ratings
from tests.web import needs_chromium

RATING, PAIRWISE = asking(LabelKind.RATING, 1), asking(LabelKind.PAIRWISE, 2)


def take(client: httpx.Client) -> dict[str, Any]:
    lease: dict[str, Any] = client.post("/api/leases", json={}).json()["lease"]
    return lease


def answer(client: httpx.Client, lease: dict[str, Any], **said: object) -> httpx.Response:
    return client.post(f"/api/leases/{lease['id']}/answer", json={**said, "seconds": 1})


@pytest.mark.parametrize(
    ("kind", "responses", "question"),
    [
        (LabelKind.BEST_OF, 2, "Which response is best?"),
        (LabelKind.BEST_OF, 8, "Which response is best?"),
        (LabelKind.PAIRWISE, 2, "Which response is better?"),
    ],
)
def test_choices_over_the_api(db: Database, kind: LabelKind, responses: int, question: str) -> None:
    add_queries(db, ["one"], responses=responses)
    with labeling_with(asking(kind, responses), db) as labeling, labeling.client(labeling.ada) as ada:
        lease = take(ada)
        assert (lease["kind"], lease["question"], lease["scale"]) == (kind, question, None)
        assert len(lease["responses"]) == responses
        last = responses - 1
        refused = answer(ada, lease, position=responses)
        assert refused.status_code == 422
        assert f"send one of 0 to {last}" in refused.json()["detail"]
        receipt = answer(ada, lease, position=last)
        assert receipt.status_code == 200
        assert (receipt.json()["position"], receipt.json()["rating"]) == (last, None)
    assert chosen(db) == {"one": [lease["responses"][last]]}


def test_ratings_over_the_api(db: Database) -> None:
    add_queries(db, ["one"], responses=1)
    with labeling_with(RATING, db) as labeling, labeling.client(labeling.ada) as ada:
        lease = take(ada)
        assert (lease["kind"], lease["question"]) == ("rating", "How good is this response?")
        assert lease["scale"] == {"levels": 7, "low": "very bad", "high": "very good"}
        assert lease["responses"] == ["answer 0 to one."]
        for said, wrong in (
            ({"position": 0}, "position 0 was sent, but the one response shown is to be rated"),
            ({"rating": 3, "position": 0}, "position 0 was sent"),
            ({}, "rating is missing: send `rating` alone, 1 (very bad) to 7 (very good)"),
            ({"rating": 8}, "rating 8 is not on the scale"),
            ({"rating": 10**30}, "rating"),
            ({"rating": 0}, "rating: Input should be greater than or equal to 1 (got 0)"),
            ({"rating": 2.5}, "rating: Input should be a valid integer"),
        ):
            refused = answer(ada, lease, **said)
            assert (refused.status_code, wrong in refused.json()["detail"]) == (422, True), refused.text
        receipt = answer(ada, lease, rating=6)
        assert (receipt.status_code, receipt.json()["position"], receipt.json()["rating"]) == (200, None, 6)
        assert answer(ada, lease, rating=6).json() == receipt.json()
        other = answer(ada, lease, rating=5)
        assert other.status_code == 409
        assert "was answered with rating 6" in other.json()["detail"]
        assert ada.get("/api/me").json()["labels"] == 1
    assert ratings(db) == {"one": 6}


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.new_context().new_page()


def visit(page: Page, labeling: Labeling) -> None:
    page.goto(f"{labeling.url}/#key={labeling.ada}")


def expect_labels(page: Page, count: int) -> None:
    expect(page.locator("#labels")).to_have_text("1 label" if count == 1 else f"{count} labels")


@needs_chromium
def test_rating_by_key_and_by_mouse(page: Page, db: Database) -> None:
    add_queries(db, ["one", "two", "three"], responses=1)
    with labeling_with(RATING, db) as labeling:
        visit(page, labeling)
        expect(page.get_by_role("heading", name="How good is this response?")).to_be_visible()
        expect(page.locator("#responses")).to_have_text("answer 0 to one.")
        expect(page.locator("#responses button")).to_have_count(0)
        scale = page.get_by_role("group", name="How good is this response?").get_by_role("button")
        expect(scale).to_have_text(["1very bad", "2", "3", "4", "5", "6", "7very good"])
        expect(page.locator("#keys")).to_have_text("Keys 1 to 7 rate, s skips.")
        for key in ("0", "8", "9"):
            page.keyboard.press(key)
        page.keyboard.press("7")
        expect_labels(page, 1)
        expect(page.locator("#query")).to_have_text("two")
        scale.nth(2).click()
        expect_labels(page, 2)
        expect(page.locator("#query")).to_have_text("three")
        expect(page.locator(".chosen")).to_have_count(0)
        page.keyboard.press("s")
        expect(page.get_by_role("status")).to_have_text("No queries right now, looking again.")
    assert ratings(db) == {"one": 7, "two": 3}


@needs_chromium
def test_a_rating_is_sent_again_until_it_arrives(page: Page, db: Database) -> None:
    add_queries(db, ["one", "two"], responses=1)
    with labeling_with(RATING, db) as labeling:
        visit(page, labeling)
        expect(page.locator("#scale button")).to_have_count(7)
        page.route("**/answer", lambda route: route.abort())
        page.keyboard.press("5")
        expect(page.get_by_role("alert")).to_contain_text("Your answer is kept")
        page.unroute("**/answer")
        page.reload()
        expect_labels(page, 1)
    assert ratings(db) == {"one": 5}


@needs_chromium
def test_one_of_two_by_key(page: Page, db: Database) -> None:
    add_queries(db, ["one", "two"], responses=2)
    picked = {}
    with labeling_with(PAIRWISE, db) as labeling:
        visit(page, labeling)
        expect(page.get_by_role("heading", name="Which response is better?")).to_be_visible()
        for number, query in enumerate(("one", "two"), 1):
            expect(page.locator("#query")).to_have_text(query)
            expect(page.locator("#responses kbd")).to_have_text(["1", "2"])
            expect(page.locator("#scale")).to_be_hidden()
            expect(page.locator("#keys")).to_have_text("Keys 1 and 2 choose, s skips.")
            picked[query] = [page.locator("#responses span").nth(number - 1).inner_text()]
            page.keyboard.press("3")
            page.keyboard.press(str(number))
            expect_labels(page, number)
    assert chosen(db) == picked


@needs_chromium
@pytest.mark.parametrize("width", [320, 1200])
def test_a_scale_fits_the_window(page: Page, db: Database, width: int) -> None:
    add_queries(db, ["word " * 40], responses=1)
    page.set_viewport_size({"width": width, "height": 740})
    with labeling_with(RATING, db) as labeling:
        visit(page, labeling)
        expect(page.locator("#scale button")).to_have_count(7)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        boxes = [button.bounding_box() for button in page.locator("#scale button").all()]
        assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert len({box["y"] for box in boxes if box}) == 1
