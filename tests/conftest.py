"""Real servers for all tests: one PostgreSQL and one Valkey a session, without a row and a key at each test's start."""

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
from shared.store.tables import Base

MIGRATED = "migrated"
LONG = ("tests/test_loop.py", "tests/services/cli/experiment/", "tests/faults/")
END_OTHERS = (  # what an earlier test left connected may hold locks
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first: at the end, one of two cores would wait for them."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(scope="session")
def _addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder: Path = tmp_path_factory.mktemp("servers")
    with Supervisor(print) as supervisor:
        postgres, database_url = servers.postgres(folder / "postgres", password="test", log=folder / "postgres.log")
        valkey, redis_url = servers.valkey(folder / "valkey", password="test", log=folder / "valkey.log")
        supervisor.start([postgres, valkey])
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # what it holds may burn: half the time
            _execute(database_url, f"ALTER SYSTEM SET {setting} = off")
        _execute(database_url, "SELECT pg_reload_conf()")
        _execute(database_url, f"CREATE DATABASE {MIGRATED}")
        migrate(_database(database_url, MIGRATED))
        yield database_url, redis_url


@pytest.fixture
def empty_database_url(_addresses: tuple[str, str]) -> Iterator[str]:
    """A database of the test's own, without any table."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(_addresses[0], f"CREATE DATABASE {name}")
    yield _database(_addresses[0], name)
    _execute(_addresses[0], f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(_addresses: tuple[str, str]) -> str:
    """A migrated database without a row. One for all tests: a new one takes half a second."""
    url = _database(_addresses[0], MIGRATED)
    _execute(url, END_OTHERS)
    _execute(url, f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY")
    return url


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


def _database(url: str, name: str) -> str:
    return url.rpartition("/")[0] + "/" + name


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
