"""Halting while the line is stopped."""

import logging
import signal
import threading
from types import FrameType

import pytest

from shared import line
from shared.domain import Service
from shared.store import patience, stops
from shared.store.database import Database
from shared.store.migrate import migrate
from tests.shared.store.rows import sql


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(line, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(patience, "POLL_SECONDS", 0.02)
    caplog.set_level(logging.INFO)


def test_it_waits_for_somebody_to_resume_and_says_why(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    line.halt_while_stopped(db, Service.PPO)
    assert caplog.messages == []
    stops.stop(db, by="ada", reason="odd texts")
    threading.Timer(0.2, lambda: stops.resume(db, by="operator")).start()
    line.halt_while_stopped(db, Service.PPO)
    assert stops.standing(db) is None
    assert caplog.messages == ["halted: ada stopped the line: odd texts", "resumed"]


def test_the_time_a_job_may_take_does_not_run_meanwhile(db: Database) -> None:
    def late(_: int, __: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    try:
        stops.stop(db, by="ada", reason="odd texts")
        threading.Timer(0.6, lambda: stops.resume(db, by="operator")).start()
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        line.halt_while_stopped(db, Service.PPO)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_while_the_store_is_away_it_waits_for_it(
    db: Database, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(empty_database_url)
    caplog.clear()
    name = empty_database_url.rpartition("/")[2]
    away = Database(empty_database_url)
    sql(db, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    waiting = threading.Thread(target=line.halt_while_stopped, args=[away, Service.PPO])
    waiting.start()
    while not caplog.messages:
        assert waiting.is_alive()
    sql(db, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    waiting.join(30)
    assert not waiting.is_alive()
    assert caplog.messages[0].startswith("ppo waits for the label store: PostgreSQL at")
    away.close()
