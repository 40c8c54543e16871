"""Real servers for all tests: one PostgreSQL and one Valkey a session, a fresh database and an empty Valkey a test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from services.cli import servers
from services.cli.supervisor import Supervisor
from shared.store.database import Database
from shared.store.migrate import migrate

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def _addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder: Path = tmp_path_factory.mktemp("servers")
    with Supervisor(print) as supervisor:
        postgres, database_url = servers.postgres(folder / "postgres", password="test", log=folder / "postgres.log")
        valkey, redis_url = servers.valkey(folder / "valkey", password="test", log=folder / "valkey.log")
        supervisor.start([postgres, valkey])
        _execute(database_url, f"CREATE DATABASE {TEMPLATE}")
        migrate(_database(database_url, TEMPLATE))
        yield database_url, redis_url


@pytest.fixture
def empty_database_url(_addresses: tuple[str, str]) -> Iterator[str]:
    """A database without any table."""
    yield from _fresh(_addresses[0], "template1")


@pytest.fixture
def database_url(_addresses: tuple[str, str]) -> Iterator[str]:
    """A migrated database of the test's own."""
    yield from _fresh(_addresses[0], TEMPLATE)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    db = Database(database_url)
    yield db
    db.close()


@pytest.fixture
def redis_url(_addresses: tuple[str, str]) -> str:
    with Redis.from_url(_addresses[1]) as connection:
        connection.flushall()
    return _addresses[1]


def _fresh(url: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    _execute(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _database(url, name)
    _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


def _database(url: str, name: str) -> str:
    return url.rpartition("/")[0] + "/" + name


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
