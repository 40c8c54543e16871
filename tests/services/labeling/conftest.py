"""The labeling service as it runs: uvicorn on a port, PostgreSQL behind it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from services.labeling.app import build
from shared.domain import LabelKind, Role
from shared.settings import LabelSettings, Settings, TaskSettings
from shared.store import accounts
from shared.store.database import Database
from tests.web import served

FAILED_REQUEST = "Failed to load resource"  # how Chromium tells of refusals, which are part of these tests


@dataclass(frozen=True, slots=True)
class Labeling:
    """`ada` and `grace` are labelers' keys, `operator` an operator's."""

    url: str
    ada: str
    grace: str
    operator: str

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


@contextmanager
def labeling_with(settings: Settings, db: Database) -> Iterator[Labeling]:
    ada, grace = (accounts.create_account(db, name, Role.LABELER) for name in ("ada", "grace"))
    operator = accounts.create_account(db, "operator", Role.OPERATOR)
    with served(build(settings, db)) as url:
        yield Labeling(url, ada, grace, operator)


def asking(kind: LabelKind, responses: int) -> Settings:
    """Settings of a loop with labels of this kind."""
    return Settings(name="test", task=TaskSettings(responses=responses), labels=LabelSettings(kind=kind))


@pytest.fixture
def settings() -> Settings:
    return Settings(name="test")


@pytest.fixture
def labeling(settings: Settings, db: Database) -> Iterator[Labeling]:
    with labeling_with(settings, db) as labeling:
        yield labeling


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

    with ExitStack() as contexts:

        def new() -> Page:
            page = contexts.enter_context(browser.new_context(reduced_motion="reduce")).new_page()
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
