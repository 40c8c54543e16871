"""The labeling page as a person meets it: what they see, and what they do."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.services.labeling.conftest import Labeling

QUERIES = [f"query {n}" for n in range(4)]
ARTIFACTS = Path(__file__).parents[3] / "test-artifacts" / "labeling"


def visit(page: Page, labeling: Labeling, key: str | None = None) -> None:
    page.goto(f"{labeling.url}/#key={key or labeling.ada}")


def shown(page: Page, *, after: str = "") -> tuple[str, list[str]]:
    """The query and the responses that are to be seen, which are not those of the query `after`."""
    expect(page.locator("#question:not([aria-busy])")).to_be_visible()
    expect(page.locator("#query")).not_to_have_text(after)
    return page.locator("#query").inner_text(), page.locator("#responses span").all_inner_texts()


def expect_labels(page: Page, count: int) -> None:
    expect(page.locator("#labels")).to_have_text("1 label" if count == 1 else f"{count} labels")


def keep_picture(page: Page, name: str) -> None:
    """A screenshot for people to look at, as part of what the tests leave behind."""
    page.screenshot(path=ARTIFACTS / f"{name}.png")
