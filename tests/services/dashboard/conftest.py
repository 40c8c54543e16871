"""The dashboard as it runs: uvicorn on a port of its own, PostgreSQL and Valkey behind it."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr

from services.dashboard.app import build
from shared.domain import Role
from shared.queues import Queues
from shared.settings import Settings
from shared.store import accounts, loop
from shared.store.database import Database
from tests.web import served

SECRET = "the secret that signs sessions"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`operator` and `labeler` are keys."""

    url: str
    operator: str
    labeler: str

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers)

    def as_operator(self) -> httpx.Client:
        return self.client(Authorization=f"Bearer {self.operator}")


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(name="test", redis_url=SecretStr(redis_url), operator_key=SecretStr(SECRET))


@pytest.fixture
def dashboard(settings: Settings, db: Database) -> Iterator[Dashboard]:
    loop.start(db, settings)
    operator = accounts.create_account(db, "operator", Role.OPERATOR)
    labeler = accounts.create_account(db, "labeler", Role.LABELER)
    queues = Queues(settings.redis_url.get_secret_value())
    with served(build(settings, db, queues.depths)) as url:
        yield Dashboard(url, operator, labeler)
