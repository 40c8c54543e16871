"""The orchestrator: what is missing is sent, once, and nothing is lost by being cut off."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.cli import servers
from services.cli.supervisor import Supervisor
from services.orchestrator.tick import tick
from shared.domain import Job, JobState, LoopError
from shared.messages import ADAPTER, AnyMessage, PublishReference, SampleQueries, TrainReward
from shared.queues import SILENT_SECONDS, Queues
from shared.settings import LabelSettings, SamplerSettings, Settings, to_environment
from shared.store import jobs, loop, queries, steering, stops
from shared.store.database import Database
from tests.shared.store.rows import (
    add_person,
    add_policy,
    add_queries,
    add_reward,
    answer,
    label,
    new_query,
    seen,
    sql,
    take,
)

SETTINGS = Settings(
    labels=LabelSettings(budget=100, initial=8), sampler=SamplerSettings(backlog=6, batch=4, staleness=1)
)


@pytest.fixture
def started(db: Database) -> Database:
    loop.start(db, SETTINGS)
    return db


@pytest.fixture
def queues(redis_url: str) -> Iterator[Queues]:
    queues = Queues(redis_url)
    yield queues
    queues.close()


def waiting(db: Database, queues: Queues) -> list[AnyMessage]:
    """The messages that lie in the queues."""
    found = [job for job in jobs.to_send(db) if queues.holds(job)]
    assert sum(queues.depths().values()) == len(found)  # none twice
    return [ADAPTER.validate_python(job.message) for job in found]


def sampled(db: Database) -> None:
    """Do all sampling jobs that wait."""
    for job in jobs.to_send(db):
        message = ADAPTER.validate_python(job.message)
        if isinstance(message, SampleQueries):
            jobs.begin(db, job.key, job.attempt)
            found = [new_query(message.first + index) for index in range(message.count)]
            queries.add(db, job.key, job.attempt, found, policy_version=message.policy_version)


def test_without_a_loop_it_says_so(db: Database, queues: Queues) -> None:
    with pytest.raises(LoopError, match="prefloop migrate"):
        tick(db, queues, SETTINGS)


def test_first_comes_the_reference_policy(started: Database, queues: Queues) -> None:
    assert tick(started, queues, SETTINGS) == 1
    assert waiting(started, queues) == [PublishReference()]
    assert tick(started, queues, SETTINGS) == 0
    assert queues.depths() == {"sampler": 0, "reward_trainer": 0, "ppo": 1}


def test_ticks_at_once_note_a_job_once_and_a_double_message_costs_nothing(started: Database, queues: Queues) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tick(started, queues, SETTINGS), range(4)))
    assert sql(started, "SELECT key, attempt FROM jobs") == [("policy-0", 1)]
    assert queues.depths()["ppo"] >= 1
    assert jobs.begin(started, "policy-0", 1) is not None
    assert jobs.begin(started, "policy-0", 1) is None


def test_cut_off_between_store_and_redis_it_loses_nothing(
    started: Database, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_policy(started)
    send, sent = Queues.send, []

    def once(self: Queues, job: Job) -> None:
        sent.append(job.key)
        if len(sent) == 2:
            raise KeyboardInterrupt
        send(self, job)

    monkeypatch.setattr(Queues, "send", once)
    with pytest.raises(KeyboardInterrupt):
        tick(started, queues, SETTINGS)
    assert sent == ["sample-0", "sample-4"]
    assert [message.key for message in waiting(started, queues)] == ["sample-0"]
    assert tick(started, queues, SETTINGS) == 1
    assert sent == ["sample-0", "sample-4", "sample-4"]
    assert [message.key for message in waiting(started, queues)] == ["sample-0", "sample-4"]


def test_without_labels_it_stops_at_the_backlog(started: Database, queues: Queues) -> None:
    add_policy(started)
    tick(started, queues, SETTINGS)
    assert waiting(started, queues) == [
        SampleQueries(first=0, count=4, policy_version=0),
        SampleQueries(first=4, count=2, policy_version=0),
    ]
    sampled(started)
    for _ in range(3):
        assert tick(started, queues, SETTINGS) == 0
    state = loop.state(started)
    assert (state.open_queries, state.sampling, state.next_position) == (6, 0, 6)
    ada = add_person(started)
    for _ in range(3):  # labels make room again
        label(started, ada)
    assert tick(started, queues, SETTINGS) == 1
    assert loop.state(started).next_position == 9


def test_enough_labels_train_the_reward_model_once(started: Database, queues: Queues) -> None:
    add_policy(started)
    add_queries(started, range(8))
    ada = add_person(started)
    for _ in range(7):
        label(started, ada)
    tick(started, queues, SETTINGS)
    assert queues.depths()["reward_trainer"] == 0
    label(started, ada)
    tick(started, queues, SETTINGS)
    tick(started, queues, SETTINGS)
    assert TrainReward(version=1, labels=8) in waiting(started, queues)
    assert queues.depths()["reward_trainer"] == 1


def test_a_paused_loop_begins_nothing_but_sends_what_it_had_begun(started: Database, queues: Queues) -> None:
    stops.stop(started, by="ada", reason="odd texts")
    assert tick(started, queues, SETTINGS) == 0
    jobs.remember(started, PublishReference())
    assert tick(started, queues, SETTINGS) == 1


def test_stale_queries_retire_and_make_room(started: Database, queues: Queues) -> None:
    add_policy(started)
    add_queries(started, range(6))
    ada = add_person(started)
    lent = take(started, ada)
    add_reward(started, 1)
    add_policy(started, 1, reward_version=1)
    tick(started, queues, SETTINGS)
    assert loop.state(started).open_queries == 6  # one version old: not stale yet
    add_policy(started, 2, reward_version=1)
    tick(started, queues, SETTINGS)
    assert loop.state(started).open_queries == 1  # the one that somebody looks at
    assert SampleQueries(first=6, count=4, policy_version=2) in waiting(started, queues)
    answer(started, ada, lent)


def test_staleness_counts_segments_not_version_numbers(started: Database, queues: Queues) -> None:
    """After a rollback the next version's number jumps: the queries of the policy gone back to are one segment old."""
    add_policy(started)
    add_reward(started, 1)
    for version in (1, 2, 3):
        add_policy(started, version, reward_version=1)
    steering.rollback(started, policy=0, by="grace", reason="better")
    add_queries(started, range(6))
    add_policy(started, 4, parent=0, reward_version=1)
    tick(started, queues, SETTINGS)
    assert loop.state(started).open_queries == 6


def test_a_silent_worker_s_job_is_sent_again(started: Database, queues: Queues) -> None:
    tick(started, queues, SETTINGS)
    jobs.begin(started, "policy-0", 1)
    sql(started, f"UPDATE jobs SET heartbeat_at = now() - interval '{SILENT_SECONDS - 5} seconds'")
    assert tick(started, queues, SETTINGS) == 0
    sql(started, f"UPDATE jobs SET heartbeat_at = now() - interval '{SILENT_SECONDS + 5} seconds'")
    assert tick(started, queues, SETTINGS, silence_counts=False) == 0  # the store was away until just now
    assert tick(started, queues, SETTINGS) == 1
    assert seen(started, "policy-0") == (JobState.QUEUED, 2)


def test_without_redis_it_says_so_and_the_next_tick_mends_it(started: Database, tmp_path: Path) -> None:
    child, redis_url = servers.valkey(tmp_path / "valkey", password="test", log=tmp_path / "valkey.log")
    queues = Queues(redis_url)
    for _ in range(2):
        with pytest.raises(LoopError, match="Redis does not answer"):
            tick(started, queues, SETTINGS)
    assert seen(started, "policy-0") == (JobState.QUEUED, 1)  # noted all the same
    with Supervisor(print) as supervisor:
        supervisor.start([child])
        assert tick(started, queues, SETTINGS) == 1
        assert waiting(started, queues) == [PublishReference()]
    queues.close()


def test_without_postgresql_it_says_so(queues: Queues) -> None:
    db = Database(f"postgresql+psycopg://user@127.0.0.1:{servers.free_port()}/name")
    with pytest.raises(LoopError, match=r"PostgreSQL at .* does not answer"):
        tick(db, queues, SETTINGS)


def test_the_process_works_through_trouble_and_ends_when_told(db: Database, database_url: str, redis_url: str) -> None:
    """It starts before anybody has started a loop, and goes on once there is one."""
    settings = SETTINGS.model_copy(update={"database_url": SecretStr(database_url), "redis_url": SecretStr(redis_url)})
    process = subprocess.Popen(
        [sys.executable, "-m", "services.orchestrator.main"],
        env={**os.environ, **to_environment(settings)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "this store holds no loop yet" in process.stderr.readline()
        loop.start(db, SETTINGS)
        assert "policy-0 sent, attempt 1" in process.stderr.readline()
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=10)[1]
        assert (process.returncode, rest) == (0, "")
        assert time.monotonic() - start < 5
    finally:
        process.kill()
        process.communicate()
