"""The dashboard as it runs: uvicorn on a port of its own, PostgreSQL and Valkey behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect
from pydantic import SecretStr

from services.dashboard.app import build
from shared.domain import Role
from shared.queues import Queues
from shared.settings import Settings
from shared.store import accounts, loop
from shared.store.database import Database
from tests.web import served

REFUSED = re.compile(r"status of (409|422)")  # as Chromium tells of them


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`admin`, `operator`, `reviewer` and `labeler` are keys."""

    url: str
    admin: str
    operator: str
    reviewer: str
    labeler: str

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers)

    def as_operator(self) -> httpx.Client:
        return self.having(self.operator)

    def having(self, key: str) -> httpx.Client:
        return self.client(Authorization=f"Bearer {key}")


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(name="test", redis_url=SecretStr(redis_url))


@pytest.fixture
def dashboard(settings: Settings, db: Database) -> Iterator[Dashboard]:
    loop.start(db, settings)
    keys = {role.value: accounts.create_account(db, role, role) for role in Role}
    queues = Queues(settings.redis_url.get_secret_value())
    with served(build(settings, db, queues.depths)) as url:
        yield Dashboard(url, **keys)


@pytest.fixture
def page(browser: Browser, dashboard: Dashboard) -> Iterator[Page]:
    """A page that fails the test where the console says anything, or a request leaves our origin.

    But for refusals of what operators ask, which the page shows in its own words.
    """
    trouble: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if not REFUSED.search(message.text):
            trouble.append(message.text)

    def sent(request: Request) -> None:
        if not request.url.startswith(dashboard.url):
            trouble.append(request.url)

    page = browser.new_page(base_url=dashboard.url)
    page.on("console", heard)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    page.on("request", sent)
    page.goto("/")
    page.get_by_label("Key or invitation").fill(dashboard.operator)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#headline")).not_to_have_text("Reading the label store")  # its scripts are there
    yield page
    page.close()
    assert trouble == []
