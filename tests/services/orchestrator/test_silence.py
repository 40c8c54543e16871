"""Silence is counted only where signs of life could be heard."""

import pytest

from services.cli.servers import free_port
from services.orchestrator.silence import GAP_SECONDS, Silence
from shared.domain import LoopError
from shared.queues import SILENT_SECONDS
from shared.store.database import Database

EVERY = GAP_SECONDS / 4


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def looks_until_it_counts(silence: Silence, clock: Clock, db: Database) -> float:
    """Seconds of regular looks until silence counts."""
    start = clock.now
    while not silence.counts(db):
        clock.now += EVERY
    return clock.now - start


def test_it_counts_after_so_long_of_an_answering_store(db: Database) -> None:
    clock = Clock()
    silence = Silence(clock)
    assert looks_until_it_counts(silence, clock, db) >= SILENT_SECONDS  # after its own start
    assert silence.counts(db)
    away = Database(f"postgresql+psycopg://user@127.0.0.1:{free_port()}/name")
    with pytest.raises(LoopError, match="does not answer"):
        silence.counts(away)
    assert looks_until_it_counts(silence, clock, db) >= SILENT_SECONDS  # after an outage
    clock.now += GAP_SECONDS + 1
    assert looks_until_it_counts(silence, clock, db) >= SILENT_SECONDS  # after a sleep of the whole machine
