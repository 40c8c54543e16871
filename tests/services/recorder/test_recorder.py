"""The recorder on a real store: what it wrote is read back from the files, as their readers read it."""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tensorboardX.proto import event_pb2
from wandb.proto import wandb_internal_pb2

from services.recorder.journal import NAME, Journal
from services.recorder.main import identity, sinks
from services.recorder.recorder import Recorder
from services.recorder.sinks.mlflow import RECORDED, MLflow
from shared.domain import ActionKind, LoopError
from shared.settings import Settings, to_environment
from shared.store import actions, loop
from shared.store.database import Database
from shared.store.tables import Policy, Probe
from tests.services.dashboard.rows import EVIL, fill

BATCHES = 50  # of `fill`


@pytest.fixture
def settings(db: Database, database_url: str, tmp_path: Path) -> Settings:
    """Of a loop in full swing, whose checkpoints lie in the test's folder."""
    settings = Settings(name="a demo", database_url=SecretStr(database_url), checkpoints=tmp_path / "checkpoints")
    loop.start(db, settings)
    fill(db)
    return settings


def record(db: Database, settings: Settings) -> None:
    """Start, write all there is, and end."""
    with Journal(settings.checkpoints.parent / "curves") as journal:
        recorder = Recorder(db, journal, sinks(settings, identity(settings, db)), planned=settings.ppo.episodes)
        recorder.look()
        recorder.close()


def until(true: Callable[[], bool], process: "subprocess.Popen[bytes] | None" = None) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert process is None or process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def batch(db: Database, *, version: int = 3, number: int, kl: float = 1.0) -> None:
    loop.record_batch(db, policy_version=version, batch=number, episodes=64 * number, stats={"kl": kl, "score": 1.0})


def values(folder: Path) -> list[tuple[str, int, Any]]:
    """Tag, step and value of all that TensorBoard would show."""
    return [
        (value.tag, event.step, value.tensor.string_val[0].decode() if value.HasField("tensor") else value.simple_value)
        for path in sorted(folder.rglob("events.out.tfevents.*"))
        for event in map(event_pb2.Event.FromString, _records(path.read_bytes()))
        for value in event.summary.value
    ]


def _records(data: bytes) -> Iterator[bytes]:
    """TFRecord: length, its checksum, the record, its checksum."""
    at = 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at + 12 : at + 12 + length]
        at += 16 + length


def named(found: list[tuple[str, int, Any]], tag: str) -> list[tuple[int, Any]]:
    return [(step, value) for name, step, value in found if name == tag]


def test_tensorboard_has_the_loop_under_the_fields_names(db: Database, settings: Settings) -> None:
    with db.transaction() as session:
        session.add(Probe(policy_version=2, index=0, query=EVIL, response="well\n    score: 9", score=0.5))
    record(db, settings)
    found = values(settings.checkpoints.parent / "tensorboard")
    kl = named(found, "objective/kl")
    assert [step for step, _ in kl] == [64 * (n + 1) for n in range(BATCHES)]
    assert kl[0][1] == 0.0
    assert named(found, "objective/kl_coef")[-1][1] == pytest.approx(0.15 - 0.0002 * 49)
    assert named(found, "reward/accuracy") == [
        (0, pytest.approx(0.2)),
        (1280, pytest.approx(0.35)),
        (2560, pytest.approx(0.42)),
    ]
    assert [step for step, _ in named(found, "human/win_rate")] == [1280], "people still label the newest policy's"
    ((step, text),) = named(found, "probes/0/text_summary")
    assert step == 2560
    assert text.splitlines() == [f"    query: {EVIL}", r"    response: well\n    score: 9", "    score: 0.500"]


def test_killed_and_started_again_no_point_is_there_twice_and_none_is_lost(db: Database, settings: Settings) -> None:
    folder = settings.checkpoints.parent / "tensorboard"
    environ = {**os.environ, **to_environment(settings)}
    command = [sys.executable, "-m", "services.recorder.main"]
    first = subprocess.Popen(command, env=environ)
    try:
        until(lambda: len(named(values(folder), "objective/kl")) == BATCHES, first)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    batch(db, number=51)
    second = subprocess.Popen(command, env=environ)
    try:
        until(lambda: len(named(values(folder), "objective/kl")) == BATCHES + 1, second)
        batch(db, number=52)
        until(lambda: len(named(values(folder), "objective/kl")) == BATCHES + 2, second)
    finally:
        second.terminate()
        assert second.wait() == 0
    steps = [step for step, _ in named(values(folder), "objective/kl")]
    assert steps == [64 * (n + 1) for n in range(BATCHES + 2)]
    keys = (settings.checkpoints.parent / "curves" / NAME).read_text().split()
    assert len(set(keys)) == len(keys)


def test_after_a_rollback_a_line_of_its_own(db: Database, settings: Settings) -> None:
    with db.transaction() as session:
        detail = {"policy": 1, "reward": 2, "last_policy": 3, "last_reward": 4}
        actions.note(session, ActionKind.ROLLBACK, by="op", reason="worse", detail=detail)
    batch(db, version=4, number=21)
    record(db, settings)
    folder = settings.checkpoints.parent / "tensorboard"
    assert len(named(values(folder / "line"), "objective/kl")) == BATCHES
    assert named(values(folder / "after-rollback-1"), "objective/kl") == [(64 * 21, 1.0)]


def test_the_last_policys_win_rate_is_written_when_the_loop_is_over(db: Database, settings: Settings) -> None:
    with db.transaction() as session:
        session.get_one(Policy, 2).episodes = settings.ppo.episodes
    record(db, settings)
    found = named(values(settings.checkpoints.parent / "tensorboard"), "human/win_rate")
    assert found[-1] == (settings.ppo.episodes, pytest.approx(0.4))


def test_a_batch_done_again_is_written_once(db: Database, settings: Settings) -> None:
    with Journal(settings.checkpoints.parent / "curves") as journal:
        recorder = Recorder(db, journal, sinks(settings, identity(settings, db)), planned=settings.ppo.episodes)
        recorder.look()
        batch(db, number=50, kl=99.0)
        recorder.look()
        recorder.close()
    kl = named(values(settings.checkpoints.parent / "tensorboard"), "objective/kl")
    assert len(kl) == BATCHES
    assert kl[-1][1] < 10


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")  # MLflow asks for it
def test_mlflow_goes_on_where_it_was(db: Database, settings: Settings, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    address = f"sqlite:///{tmp_path}/mlflow.db"
    settings = settings.changed({}).model_copy(
        update={"tracking": settings.tracking.model_copy(update={"mlflow": address})}
    )
    record(db, settings)
    batch(db, number=51)
    with (settings.checkpoints.parent / "curves" / NAME).open("ab") as file:
        file.write(b"batch-3-")  # the machine fell while it wrote
    record(db, settings)
    sink = MLflow(address, identity(settings, db))
    count = sink.open()
    assert count == len((settings.checkpoints.parent / "curves" / NAME).read_text().split())
    (run,) = sink._client.search_runs([sink._client.get_experiment_by_name("a demo").experiment_id])
    history = {name: sink._client.get_metric_history(run.info.run_id, name) for name in ("objective/kl", RECORDED)}
    assert [metric.step for metric in history["objective/kl"]] == [64 * (n + 1) for n in range(BATCHES + 1)]
    assert history[RECORDED][-1].value == count


def test_wandb_offline_has_every_point_once(db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    settings = settings.model_copy(update={"tracking": settings.tracking.model_copy(update={"wandb": "prefloop"})})
    for _ in range(2):
        record(db, settings)
    (path,) = (settings.checkpoints.parent / "curves" / "wandb").glob("offline-run-*/*.wandb")
    until(lambda: len(_wandb_episodes(path)) >= BATCHES)  # a process of its own writes the last of it
    assert _wandb_episodes(path) == [64 * (n + 1) for n in range(BATCHES)]


def _wandb_episodes(path: Path) -> list[float]:
    """Of the rows with a KL."""
    rows = [
        {item.nested_key[0] if item.nested_key else item.key: item.value_json for item in record.history.item}
        for record in map(wandb_internal_pb2.Record.FromString, _leveldb(path.read_bytes()))
        if record.WhichOneof("record_type") == "history"
    ]
    return [float(row["episode"]) for row in rows if "objective/kl" in row]


def _leveldb(data: bytes, header: int = 7, block: int = 32768) -> Iterator[bytes]:
    """LevelDB's log: blocks of records, each with checksum, length and which part of its whole it is."""
    at, whole = header, b""
    while at + header <= len(data):
        if block - at % block < header:
            at += block - at % block
            continue
        _, length, part = struct.unpack_from("<IHB", data, at)
        if at + header + length > len(data):
            return
        whole += data[at + header : at + header + length]
        at += header + length
        if part in (1, 4):  # whole, or the last part
            yield whole
            whole = b""


def test_trouble_of_one_sink_keeps_nothing_from_the_others(db: Database, settings: Settings) -> None:
    class Away:
        def open(self) -> int:
            raise LoopError("it is away")

        def write(self, first: int, points: Any) -> None: ...

        def close(self) -> None: ...

    with Journal(settings.checkpoints.parent / "curves") as journal:
        others = sinks(settings, identity(settings, db))
        recorder = Recorder(db, journal, [Away(), *others], planned=settings.ppo.episodes)
        recorder.look()
        recorder.close()
    assert len(named(values(settings.checkpoints.parent / "tensorboard"), "objective/kl")) == BATCHES


def test_two_recorders_do_not_write_one_folder(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(LoopError, match="another recorder writes to"):
        Journal(tmp_path)


@pytest.mark.parametrize("library", ["wandb", "mlflow"])
def test_a_missing_extra_is_named(
    settings: Settings, db: Database, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    tracking = settings.tracking.model_copy(update={library: "somewhere"})
    with pytest.raises(LoopError, match=rf"tracking\.{library} is set.*prefloop\[{library}\]"):
        sinks(settings.model_copy(update={"tracking": tracking}), identity(settings, db))
