"""Whether it is well, at a glance: pictures of a loop that is, and of one that is not, are kept and pass axe-core."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from services.dashboard import people
from shared.store.database import Database
from tests.services.dashboard import scenes
from tests.web import needs_chromium

pytestmark = needs_chromium
ARTIFACTS = Path(__file__).parents[3] / "test-artifacts" / "dashboard"
VIEWS = {
    "loop": "#lanes li",
    "steering": "#settings tr:nth-child(9)",
    "samples": "#samples article",
    "people": "#people-rows tr:nth-child(4)",
    "reward/1": "#verdicts li",
}


def flaws(page: Page) -> list[tuple[str, list[Any]]]:
    """What axe-core calls serious or critical, contrast among it, and where."""
    found = Axe().run(page).response["violations"]
    grave = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    return [(violation["id"], [node["target"] for node in violation["nodes"]]) for violation in grave]


def visit(page: Page, view: str) -> None:
    page.goto(f"/#{view}")
    expect(page.locator(VIEWS[view]).first).to_be_visible()


def keep_picture(page: Page, name: str) -> None:
    page.screenshot(path=ARTIFACTS / f"{name.replace('/', '-')}.png")


def expect_well(page: Page) -> None:
    expect(page.locator("#alarms")).to_contain_text("All is well")


def expect_unwell(page: Page) -> None:
    first = page.locator("#alarms li").first
    expect(first).to_contain_text("prefloop stopped the line: people prefer ρ to π2")
    expect(first.get_by_role("button", name="Roll back")).to_be_visible()
    expect(page.locator("#alarms")).to_contain_text("reward-4 failed at every attempt: OSError: no space left")
    expect(page.locator("#services [data-state='silent']")).to_contain_text("ppo")


@pytest.mark.parametrize(
    ("scene", "check", "scheme", "views"),
    [(scenes.well, expect_well, "light", [*VIEWS]), (scenes.unwell, expect_unwell, "dark", ["loop", "steering"])],
    ids=["well", "unwell"],
)
def test_one_screen_says_whether_it_is_well(
    page: Page,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    scene: Callable[[Database], None],
    check: Callable[[Page], None],
    scheme: Literal["light", "dark"],
    views: list[str],
) -> None:
    scene(db)
    monkeypatch.setattr(people, "EVERY_SECONDS", 0)  # its report of the empty store is not kept
    monkeypatch.setattr(people, "REST", 0)
    page.reload()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": 1400, "height": 900})
    for view in views:
        visit(page, view)
        check(page)
        keep_picture(page, f"{scene.__name__}-{view}")
        assert flaws(page) == [], view
    page.set_viewport_size({"width": 360, "height": 740})
    for view in views:
        visit(page, view)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, view
        keep_picture(page, f"{scene.__name__}-{view}-phone")
