"""A server that is away is one clear error, and no more than that."""

import socket
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from services.cli.servers import free_port
from shared.domain import LoopError
from shared.store import database
from shared.store.database import Database
from tests.shared.store.rows import add_person, sql


def test_no_server_is_said_without_the_password() -> None:
    port = free_port()
    db = Database(f"postgresql+psycopg://user:secret@127.0.0.1:{port}/name")  # no connection yet
    with pytest.raises(LoopError, match=f"PostgreSQL at 127.0.0.1:{port}/name does not answer: .*refused") as raised:
        db.ping()
    assert "secret" not in str(raised.value)


def test_a_server_that_accepts_and_keeps_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        db = Database(f"postgresql+psycopg://user:secret@127.0.0.1:{listener.getsockname()[1]}/name")
        start = time.monotonic()
        with pytest.raises(LoopError, match=r"does not answer: .*timeout"):
            db.ping()
        assert 1 < time.monotonic() - start < 10


def test_a_wrong_password_or_name_is_said(database_url: str) -> None:
    for url in (database_url.replace(":test@", ":wrong@"), database_url + "_of_nobody"):
        db = Database(url)
        with pytest.raises(LoopError, match=r"does not answer: .*(password authentication failed|does not exist)"):
            db.ping()
        db.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://secret@host/name", "postgresql://secret@host:port/name"])
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(LoopError, match="set PREFLOOP_DATABASE_URL, as in postgresql") as raised:
        Database(url)
    assert "secret" not in str(raised.value)


def test_an_address_may_leave_out_the_driver(database_url: str) -> None:
    db = Database(database_url.replace("postgresql+psycopg://", "postgresql://"))
    db.ping()
    db.close()


def test_the_pool_works_again_after_its_connections_were_ended(db: Database, database_url: str) -> None:
    other = Database(database_url)
    end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    with db.transaction() as one, db.transaction() as two:  # two connections in the pool
        one.execute(text("SELECT 1"))
        two.execute(text("SELECT 1"))
    assert sql(other, end + "pg_backend_pid()") == [(True,)] * 2
    db.ping()
    assert sql(db, "SELECT 1") == [(1,)]

    def ended_in_the_middle() -> None:
        with db.transaction() as session:
            session.execute(text("SELECT 1"))
            sql(other, end + "pg_backend_pid()")
            session.execute(text("SELECT 1"))

    with pytest.raises(LoopError, match=r"does not answer: .*terminat"):
        ended_in_the_middle()
    db.ping()
    other.close()


def test_a_transaction_is_whole_or_nothing(db: Database) -> None:
    def cut_off() -> None:
        with db.transaction() as session:
            session.execute(text("INSERT INTO labelers (name, role) VALUES ('ada', 'labeler')"))
            raise KeyError

    with pytest.raises(KeyError):
        cut_off()
    assert sql(db, "SELECT * FROM labelers") == []


def test_a_mistake_of_ours_is_no_outage(db: Database) -> None:
    add_person(db, "ada")
    with pytest.raises(ProgrammingError):
        sql(db, "SELECT * FROM nowhere")
    with pytest.raises(IntegrityError):
        sql(db, "INSERT INTO labelers (name, role) VALUES ('ada', 'labeler')")


def test_a_snapshot_sees_one_moment(db: Database) -> None:
    count = text("SELECT count(*) FROM labelers")
    with db.snapshot() as session:
        before = session.scalar(count)
        add_person(db, "ada")
        assert session.scalar(count) == before == 0
    assert sql(db, "SELECT count(*) FROM labelers") == [(1,)]


def test_a_pool_that_is_used_up_is_said(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = db._engine
    monkeypatch.setattr(engine.pool, "_timeout", 0.05)
    held = [engine.connect() for _ in range(20)]
    with pytest.raises(LoopError, match="is too busy to answer"):
        db.ping()
    for connection in held:
        connection.close()
    db.ping()
