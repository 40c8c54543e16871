"""The line is stopped while r and π are in training: the workers halt where they are, and go on to the same weights."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared import line
from shared.messages import PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.store import loop, stops, versions
from shared.store.database import Database
from shared.store.migrate import migrate
from tests.services.test_workers import Loop, started


class Ada(logging.Handler):
    """Stops the line when a worker says certain words, and lets it go on as soon as one says that it halts."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db
        self.halts: list[tuple[str, int]] = []
        """At each halt what was said before it, and how many PPO batches there were."""
        self._said = "at the start"

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if said.startswith(("reward 1: training on", "episode 8:")):
            self._said = said.partition(" ")[0]
            stops.stop(self._db, by="ada", reason="odd texts")
        elif said == "halted: ada stopped the line: odd texts":
            self.halts.append((self._said, len(loop.batches(self._db))))
            stops.resume(self._db, by="operator")


@contextmanager
def stopping(db: Database) -> Iterator[Ada]:
    ada = Ada(db)
    logging.getLogger().addHandler(ada)
    try:
        yield ada
    finally:
        logging.getLogger().removeHandler(ada)


def trained(playing: Loop) -> Iterator[str]:
    """A reward model and a policy, one after the other: their sha256."""
    kept = playing.workers()
    playing.do(PublishReference(), kept)
    playing.do(SampleQueries(first=0, count=24, policy_version=0), kept)
    assert playing.label_everything() > 10
    playing.do(TrainReward(version=1, labels=10), kept)
    yield versions.rewards(playing.db)[0].sha256
    playing.do(TrainPolicy(version=1, reward_version=1), kept)
    yield versions.policies(playing.db)[1].sha256


def test_training_halts_between_steps_and_goes_on_bit_for_bit(
    database_url: str,
    empty_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(line, "POLL_SECONDS", 0.01)
    caplog.set_level(logging.INFO)
    undisturbed = Database(database_url)
    expected = list(trained(started(undisturbed, database_url, tmp_path / "undisturbed")))
    undisturbed.close()
    migrate(empty_database_url)
    db = Database(empty_database_url)
    playing = trained(started(db, empty_database_url, tmp_path / "halted"))
    with stopping(db) as ada:
        found = [next(playing)]
        stops.stop(db, by="ada", reason="odd texts")  # before the segment begins
        found.append(next(playing))
    db.close()
    assert ada.halts == [("reward", 0), ("reward", 0), ("episode", 1)]
    assert found == expected
