"""A full disk at publication, and weights that are torn or tampered with: it waits or says so, and then goes on."""

import errno
import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import line, queues
from shared.domain import Cause, JobState, LoopError, Service, Stop
from shared.language.policy import Policy, save_policy
from shared.messages import AnyMessage, PublishReference, SampleQueries
from shared.plan import blocked
from shared.queues import Work, deliver
from shared.store import jobs, loop, stops, versions
from shared.store.database import Database
from shared.store.jobs import TRIES
from tests.services.test_workers import Loop, started
from tests.shared.store.rows import job, seen, sql


@pytest.fixture
def playing(db: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loop:
    """Jobs of it can be delivered in this process."""
    playing = started(db, database_url, tmp_path)
    workers = playing.workers()
    monkeypatch.setattr(queues, "_work", Work(db, lambda job: workers[job.queue](job), threading.Event()))
    monkeypatch.setattr(line, "POLL_SECONDS", 0.01)
    return playing


def delivered(db: Database, message: AnyMessage) -> None:
    made = jobs.remember(db, message)
    deliver(made.key, made.attempt)


class Operator(logging.Handler):
    """Sees a worker halt, does something, and resumes."""

    def __init__(self, db: Database, *, cancels: bool = False) -> None:
        super().__init__()
        self.seen: list[Stop] = []
        self._db = db
        self._cancels = cancels

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("halted:"):
            self.seen += stops.all_standing(self._db)
            if self._cancels:
                with self._db.transaction() as session:
                    jobs.cancel(session, ["publish_reference"])
            stops.resume(self._db, by="op", service=Service.PPO)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Twice there is no room for a policy's weights. Returns the ids of the policies that were to be written."""
    tries: list[int] = []

    def write(policy: Policy, folder: Path) -> None:
        save_policy(policy, folder)
        tries.append(id(policy))
        if len(tries) <= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("services.ppo.worker.save_policy", write)
    return tries


@pytest.mark.parametrize("cancels", [False, True])
def test_a_full_disk_stops_the_service_which_halts_with_the_weights_in_memory(
    playing: Loop, full_disk: list[int], caplog: pytest.LogCaptureFixture, cancels: bool
) -> None:
    db, operator = playing.db, Operator(playing.db, cancels=cancels)
    caplog.set_level(logging.INFO)
    logging.getLogger("shared.line").addHandler(operator)
    try:
        delivered(db, PublishReference())
    finally:
        logging.getLogger("shared.line").removeHandler(operator)
    stop = operator.seen[0]
    assert (stop.by, stop.service, stop.cause) == ("prefloop", Service.PPO, Cause.DISK_FULL)
    assert "no space left for checkpoint policy/000000-1" in stop.reason
    assert "make room (`prefloop prune` removes old checkpoints), then resume" in stop.reason
    assert stops.all_standing(db) == []
    if cancels:
        assert (len(full_disk), versions.live_policy(db)) == (1, None)
        assert seen(db, "policy-0") == (JobState.CANCELED, 1)
        assert "policy-0, attempt 1 ends: attempt 1 of policy-0 was given up meanwhile" in caplog.messages
        return
    assert len(operator.seen) == 2  # resumed without room it stops again
    assert len(full_disk) == 3
    assert len(set(full_disk)) == 1  # one policy, never made anew
    assert seen(db, "policy-0") == (JobState.DONE, 1)
    [published] = versions.policies(db)
    assert [path.name for path in (playing.settings.checkpoints / "policy").iterdir()] == ["000000-1"]
    assert published.path == "policy/000000-1"


def torn(weights: Path) -> None:
    os.truncate(weights, weights.stat().st_size // 2)


def tampered(weights: Path) -> None:
    """With a manifest that fits."""
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    manifest = weights.parent / "manifest.json"
    facts = json.loads(manifest.read_text())
    facts["files"][weights.name]["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("damage", "said"), [(torn, r"model\.safetensors is damaged"), (tampered, r"manifest\.json is of other files")]
)
def test_damaged_weights_fail_the_job_by_name_and_a_retry_goes_on_once_they_are_restored(
    playing: Loop, damage: Callable[[Path], None], said: str
) -> None:
    db, message = playing.db, SampleQueries(first=0, count=4, policy_version=0)
    delivered(db, PublishReference())
    folder = playing.settings.checkpoints / "policy" / "000000-1"
    weights = folder / "model.safetensors"
    whole = {path: path.read_bytes() for path in (weights, folder / "manifest.json")}
    damage(weights)
    for _ in range(TRIES):
        with pytest.raises(LoopError, match=rf"{said}.*roll back to an earlier version, or restore it"):
            delivered(db, message)
    assert seen(db, message.key) == (JobState.FAILED, TRIES)
    assert str(folder) in (job(db, message.key).error or "")
    assert blocked(loop.state(db), playing.settings) == "sample-0 failed at every attempt: the job's error says why"
    assert sql(db, "SELECT * FROM queries") == []
    for path, content in whole.items():
        path.write_bytes(content)
    with db.transaction() as session:
        jobs.retry_failed(session)
    delivered(db, message)
    assert seen(db, message.key) == (JobState.DONE, TRIES + 1)
