"""PostgreSQL killed with -9 while π is in training and as it is published; an r that gives NaN: nothing is lost."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch

from services.cli import servers
from services.cli.supervisor import Supervisor
from shared.domain import LoopError
from shared.language.reward_model import RewardModel
from shared.messages import PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.store import loop, patience, versions
from shared.store.database import Database, StoreAwayError
from shared.store.migrate import migrate
from shared.training.trainer_state import TrainerState, save_state
from shared.weights import Weights
from tests.services.test_workers import Loop, started


class Outages(logging.Handler):
    """Kills PostgreSQL, and looks after it again as soon as a worker says that it waits."""

    def __init__(self, supervisor: Supervisor, db: Database) -> None:
        super().__init__()
        self._supervisor = supervisor
        self._db = db
        self.waited: list[str] = []

    def begin(self) -> None:
        pid = self._supervisor.pids()["postgres"]
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
            time.sleep(0.01)

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if said.startswith("episode 8:") and not self.waited:
            self.begin()
        elif "waits for the label store" in said:
            self.waited.append(said.partition(" ")[0])
            self._end()

    def _end(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline
            self._supervisor.check()
            try:
                return self._db.ping()
            except StoreAwayError:
                time.sleep(0.05)


@contextmanager
def hearing(handler: logging.Handler) -> Iterator[None]:
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="module")
def outages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Loop, Outages]]:
    """A loop that has its first r, on a PostgreSQL of its own."""
    folder: Path = tmp_path_factory.mktemp("outages")
    child, url = servers.postgres(folder / "postgres", password="test", log=folder / "postgres.log")
    with Supervisor(print) as supervisor, closing(Database(url)) as db:
        supervisor.start([child])
        migrate(url)
        playing = started(db, url, folder / "checkpoints")
        kept = playing.workers()
        playing.do(PublishReference(), kept)
        playing.do(SampleQueries(first=0, count=24, policy_version=0), kept)
        assert playing.label_everything() > 10
        playing.do(TrainReward(version=1, labels=10), kept)
        yield playing, Outages(supervisor, db)


def test_killed_during_training_and_at_publication_postgresql_costs_time_alone(
    outages: tuple[Loop, Outages], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    playing, outage = outages
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(patience, "POLL_SECONDS", 0.01)

    def save_and_kill(state: TrainerState, folder: Path) -> None:
        save_state(state, folder)
        outage.begin()

    with monkeypatch.context() as patch, hearing(outage):
        patch.setattr("services.ppo.worker.save_state", save_and_kill)
        playing.do(TrainPolicy(version=1, reward_version=1, parent=0))
    assert outage.waited == ["ppo", "policy-1"]  # between two steps, and with the result in its hands
    playing.do(TrainPolicy(version=2, reward_version=1, parent=0))  # the same once more, undisturbed
    disturbed, undisturbed = versions.policies(playing.db)[1:]
    assert disturbed.sha256 == undisturbed.sha256
    assert [batch.episodes for batch in loop.batches(playing.db) if batch.policy_version == 1] == [8, 16]


def test_an_r_that_gives_nan_scores_no_episode_and_is_named(
    outages: tuple[Loop, Outages], monkeypatch: pytest.MonkeyPatch
) -> None:
    playing, _ = outages
    before = loop.batches(playing.db)
    load = Weights.reward_model

    def broken(self: Weights, version: int) -> RewardModel:
        model = load(self, version)
        model.gain.fill_(torch.nan)
        return model

    monkeypatch.setattr(Weights, "reward_model", broken)
    often = playing.settings.task.model_copy(update={"truncate_after": 0})  # most responses end properly: r scores them
    playing = Loop(playing.settings.model_copy(update={"task": often}), playing.db)
    with pytest.raises(LoopError, match=r"reward 1 gives scores that are no finite numbers.*roll back .*retrain"):
        playing.do(TrainPolicy(version=9, reward_version=1, parent=0))
    assert versions.policy(playing.db, 9) is None
    assert loop.batches(playing.db) == before
