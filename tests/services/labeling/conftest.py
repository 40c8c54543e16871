"""The labeling service as it runs: uvicorn on a port, PostgreSQL behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from services.labeling.app import build
from shared.domain import LabelKind, Role
from shared.settings import LabelSettings, Settings, TaskSettings
from shared.store import accounts
from shared.store.database import Database
from tests.web import served


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
