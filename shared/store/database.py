"""The connection to PostgreSQL: transactions, snapshots, and one clear error where it does not answer."""

import select
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from shared.domain import LoopError

CONNECT_SECONDS = 5
SNAPSHOT = "REPEATABLE READ"


class StoreAwayError(LoopError):
    """PostgreSQL does not answer now. What was asked for can be asked for again: nothing says that it was done."""


def parse(url: str) -> URL:
    """LoopError where it is no address of a PostgreSQL. It may hold a password: the message leaves it out."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        pass
    raise LoopError(
        "database_url is no address of a PostgreSQL: set PREFLOOP_DATABASE_URL, as in "
        "postgresql+psycopg://user:password@host:5432/name"
    ) from None


def storable(words: str) -> str:
    """What models and errors say, as PostgreSQL takes it: no NUL, which byte-level tokens spell, no surrogate."""
    return words.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "backslashreplace").decode()


class Database:
    """A pool of connections to the label store. No connection is made before the first use."""

    def __init__(self, url: str) -> None:
        parsed = parse(url)
        self._address = f"{parsed.host}:{parsed.port or 5432}/{parsed.database}"
        self._engine = create_engine(
            parsed,
            pool_size=10,
            max_overflow=10,
            pool_timeout=30,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
        event.listen(self._engine, "checkout", _leave_dead)
        self._glancing = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises. LoopError without an answer."""
        with self._session(None) as session:
            yield session
            session.commit()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """As `transaction`, for rows instead of objects: the least work a statement."""
        with self._answering(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """For reading: everything in the block is seen as of one moment."""
        with self._session(SNAPSHOT) as session:
            yield session

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """For a single statement that reads: it stands alone, without the round trips of BEGIN and COMMIT."""
        with self._answering(), self._glancing.connect() as connection:
            yield connection

    def ping(self) -> None:
        with self.glance() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _session(self, isolation: str | None) -> Iterator[Session]:
        engine = self._engine if isolation is None else self._engine.execution_options(isolation_level=isolation)
        with self._answering(), Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise StoreAwayError(f"PostgreSQL at {self._address} is too busy to answer ({error})") from None
        except DBAPIError as error:
            if not _unanswered(error):
                raise
            raise StoreAwayError(f"PostgreSQL at {self._address} does not answer: {_reason(error)}") from None


def _leave_dead(connection: psycopg.Connection, *_: object) -> None:
    """Connect anew where the server has ended this connection while it was idle: its last words wait to be read.

    SQLAlchemy's own way, `pool_pre_ping`, asks the server: a round trip before every use.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise InvalidatePoolError


def _unanswered(error: DBAPIError) -> bool:
    """Whether the connection failed or the server gave up (a full disk, a deadlock): no fault of the statement's."""
    return error.connection_invalidated or isinstance(error, OperationalError)


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0] or type(error.orig).__name__
