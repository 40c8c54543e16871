"""The dashboard as it runs: uvicorn on a port of its own, PostgreSQL and Valkey behind it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from services.dashboard.app import build
from shared.domain import Role
from shared.queues import Queues
from shared.settings import Settings
from shared.store import accounts, loop
from shared.store.database import Database

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


@contextmanager
def served(settings: Settings, db: Database) -> Iterator[str]:
    app = build(settings, db, Queues(settings.redis_url.get_secret_value()).depths)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(name="test", redis_url=SecretStr(redis_url), operator_key=SecretStr(SECRET))


@pytest.fixture
def dashboard(settings: Settings, db: Database) -> Iterator[Dashboard]:
    loop.start(db, settings)
    operator = accounts.create_account(db, "operator", Role.OPERATOR)
    labeler = accounts.create_account(db, "labeler", Role.LABELER)
    with served(settings, db) as url:
        yield Dashboard(url, operator, labeler)
