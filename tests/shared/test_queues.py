"""Real Valkey, real worker processes: messages are lost and doubled, workers are killed, and no job is done twice."""

import json
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from services.cli import servers
from services.cli.supervisor import Supervisor
from services.orchestrator.tick import tick
from shared.domain import Job, JobState, LoopError
from shared.messages import SampleQueries
from shared.queues import NAMES, Queues
from shared.settings import LabelSettings, SamplerSettings, Settings
from shared.store import jobs, loop, stops
from shared.store.database import Database
from shared.store.jobs import SupersededError
from tests.shared.store.rows import add_policy, job, seen, sql

SETTINGS = Settings(labels=LabelSettings(budget=4, initial=4), sampler=SamplerSettings(backlog=1))
DONE, QUEUED, RUNNING, FAILED = JobState.DONE, JobState.QUEUED, JobState.RUNNING, JobState.FAILED


class Workers:
    """Starts workers, and ends those a test leaves behind."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._database_url = database_url
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, redis_url: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.shared.worker", redis_url, self._database_url, str(self.folder)]
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        self._processes.append(process)
        return process

    def does(self, key: str, what: str) -> None:
        (self.folder / key).write_text(what)

    def begun(self, key: str) -> list[int]:
        """The attempts at a job that a worker has begun."""
        log = self.folder / f"{key}.log"
        return [int(line) for line in log.read_text().split()] if log.exists() else []

    def output(self) -> str:
        return (self.folder / "output").read_text()

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture
def workers(database_url: str, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(database_url, tmp_path)
    yield workers
    workers.end()
    assert not (tmp_path / "pickled").exists()


@pytest.fixture
def queues(redis_url: str) -> Iterator[Queues]:
    queues = Queues(redis_url)
    yield queues
    queues.close()


@pytest.fixture
def started(db: Database) -> Database:
    """A loop with policy 0, which the sampler may use."""
    loop.start(db, SETTINGS)
    add_policy(db)
    return db


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def pass_the_wait(db: Database) -> None:
    """Let the wait after a failure be over."""
    sql(db, "UPDATE jobs SET heartbeat_at = heartbeat_at - interval '1 minute' WHERE state = 'queued'")


def ended(process: subprocess.Popen[bytes], *, within: float = 5.0) -> int:
    """Told to stop, it must end in time."""
    process.send_signal(signal.SIGTERM)
    return process.wait(within)


def sample(db: Database, first: int) -> Job:
    return jobs.remember(db, SampleQueries(first=first, count=1, policy_version=0))


def test_a_message_sent_twice_is_done_once_and_a_failing_one_again(
    started: Database, redis_url: str, queues: Queues, workers: Workers
) -> None:
    db = started
    first, fails, crashes, away = (sample(db, position) for position in range(4))
    workers.does(fails.key, "fail")
    workers.does(away.key, "away")
    workers.does(crashes.key, "crash")
    for message in (first, first, fails, crashes, away):
        queues.send(message)
    assert queues.depths() == {"sampler": 5, "reward_trainer": 0, "ppo": 0}
    assert queues.holds(first)
    assert not queues.holds(sample(db, 4))
    two = [workers.start(redis_url), workers.start(redis_url)]
    until(lambda: queues.depths()["sampler"] == 0)
    until(lambda: seen(db, first.key)[0] is DONE and seen(db, crashes.key) == (QUEUED, 2))
    until(lambda: seen(db, away.key) == (QUEUED, 2))
    assert job(db, away.key).error is None  # no failure of the job's: the store was away
    workers.does(away.key, "")
    queues.send(first)  # late, after it was done
    until(lambda: seen(db, fails.key) == (QUEUED, 2))
    assert job(db, fails.key).error == "there is no policy 7"
    assert job(db, crashes.key).error == "ValueError: a\N{REPLACEMENT CHARACTER}b"

    def again(attempt: int) -> None:
        """What fails is tried again by the tick, in time."""
        pass_the_wait(db)
        tick(db, queues, SETTINGS)
        until(lambda: workers.begun(fails.key)[-1] == workers.begun(crashes.key)[-1] == attempt)
        until(lambda: job(db, fails.key).state is not RUNNING and job(db, crashes.key).state is not RUNNING)

    again(2)
    again(3)
    until(lambda: seen(db, fails.key) == (FAILED, 3) and seen(db, crashes.key) == (FAILED, 3))
    assert workers.begun(first.key) == [1]
    assert workers.begun(fails.key) == workers.begun(crashes.key) == [1, 2, 3]
    assert [ended(process) for process in two] == [0, 0]


def test_lost_messages_are_sent_again(started: Database, redis_url: str, queues: Queues, workers: Workers) -> None:
    """Redis forgets all: the store knows what is missing."""
    assert tick(started, queues, SETTINGS) == 1
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    assert tick(started, queues, SETTINGS) == 1
    assert tick(started, queues, SETTINGS) == 0
    workers.start(redis_url)
    until(lambda: seen(started, "sample-0") == (DONE, 1))
    assert workers.begun("sample-0") == [1]


def test_what_lies_in_redis_is_json(started: Database, redis_url: str, queues: Queues, workers: Workers) -> None:
    """Reading pickle runs code. Workers that may not use it do a job that succeeds and one that fails."""
    workers.does("sample-1", "crash")
    queues.send(sample(started, 0))
    queues.send(sample(started, 1))
    with Redis.from_url(redis_url) as redis:
        data = zlib.decompress(redis.hget("rq:job:sample-0-1", "data"))
        assert json.loads(data) == ["shared.queues.deliver", None, ["sample-0", 1], {}]
        workers.start(redis_url)
        until(lambda: seen(started, "sample-0")[0] is DONE and seen(started, "sample-1") == (QUEUED, 2))
        until(lambda: redis.hget("rq:job:sample-1-1", "status") == b"failed")
        assert redis.ttl("rq:job:sample-0-1") > 0


def test_a_killed_worker_is_noticed_and_its_attempt_cannot_publish(
    started: Database, redis_url: str, queues: Queues, workers: Workers
) -> None:
    db, made = started, sample(started, 0)
    workers.does(made.key, "wait")
    queues.send(made)
    first = workers.start(redis_url)
    until(lambda: seen(db, made.key) == (RUNNING, 1))
    time.sleep(1.0)  # five heartbeats
    assert jobs.give_up_silent(db, seconds=0.9) == []
    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: jobs.give_up_silent(db, seconds=0.9) == [made.key])
    with pytest.raises(SupersededError), db.transaction() as session:
        jobs.finish(session, made.key, 1)
    pass_the_wait(db)
    assert tick(db, queues, SETTINGS) >= 1
    workers.start(redis_url)
    until(lambda: workers.begun(made.key) == [1, 2])
    (workers.folder / made.key).unlink()
    until(lambda: seen(db, made.key) == (DONE, 2))


def test_a_worker_takes_back_at_once_what_a_killed_one_of_its_host_had_begun(
    started: Database, redis_url: str, queues: Queues, workers: Workers
) -> None:
    db, made = started, sample(started, 0)
    workers.does(made.key, "wait")
    queues.send(made)
    first = workers.start(redis_url)
    until(lambda: workers.begun(made.key) == [1])
    first.kill()
    first.wait()
    (workers.folder / made.key).unlink()
    workers.start(redis_url)
    until(lambda: seen(db, made.key) == (QUEUED, 2))  # nobody waited for silence, which nobody counts here
    assert "ended without a word" in (job(db, made.key).error or "")
    assert sql(db, "SELECT failures, deaths FROM jobs WHERE key = 'sample-0'") == [(0, 1)]
    assert tick(db, queues, SETTINGS) >= 1
    until(lambda: seen(db, made.key) == (DONE, 2))


@pytest.mark.parametrize("what", ["sleep", "sleep in the store", "wrap"])
def test_told_to_stop_a_worker_gives_its_job_back_at_once(
    started: Database, redis_url: str, queues: Queues, workers: Workers, what: str
) -> None:
    made = sample(started, 0)
    workers.does(made.key, what)
    queues.send(made)
    process = workers.start(redis_url)
    until(lambda: workers.begun(made.key) == [1])
    assert ended(process) == 0
    assert seen(started, made.key) == (QUEUED, 2)
    assert job(started, made.key).error is None  # no failure
    assert jobs.to_send(started) == [job(started, made.key)]


def test_a_worker_that_halts_is_alive_and_ends_when_told_to(
    started: Database, redis_url: str, queues: Queues, workers: Workers
) -> None:
    db, made = started, sample(started, 0)
    stops.stop(db, by="ada", reason="odd texts")
    workers.does(made.key, "halt")
    queues.send(made)
    process = workers.start(redis_url)
    until(lambda: "halted: ada stopped the line" in workers.output())
    time.sleep(1.0)  # five heartbeats
    assert jobs.give_up_silent(db, seconds=0.9) == []
    assert ended(process) == 0
    assert seen(db, made.key) == (QUEUED, 2)
    stops.resume(db, by="operator")
    queues.send(job(db, made.key))
    workers.start(redis_url)
    until(lambda: seen(db, made.key) == (DONE, 2))


def test_the_worker_goes_on_when_redis_comes_back(started: Database, workers: Workers, tmp_path: Path) -> None:
    """Redis ends while a job is under way, comes back empty, ends again; then the worker is told to stop."""
    db, made = started, sample(started, 0)
    workers.does(made.key, "wait")
    child, redis_url = servers.valkey(tmp_path / "valkey", password="test", log=tmp_path / "valkey.log")
    with Supervisor(print) as supervisor:
        supervisor.start([child])
        queues = Queues(redis_url)
        queues.send(made)
        process = workers.start(redis_url)
        until(lambda: workers.begun(made.key) == [1])
        supervisor.stop_last()
        with pytest.raises(LoopError, match=r"Redis does not answer: .*check PREFLOOP_REDIS_URL"):
            queues.ping()
        (workers.folder / made.key).unlink()
        until(lambda: seen(db, made.key) == (DONE, 1))  # Redis is not asked for that
        supervisor.start([child])
        queues.send(sample(db, 1))
        until(lambda: seen(db, "sample-1") == (DONE, 1))
        said = len(workers.output())
        supervisor.stop_last()
        until(lambda: "onnect" in workers.output()[said:])
        assert process.poll() is None
        queues.close()
    assert ended(process) == 0


def test_one_that_waits_for_its_first_redis_stops_in_order(workers: Workers) -> None:
    process = workers.start(f"redis://127.0.0.1:{servers.free_port()}/0")
    until(lambda: "Redis does not answer" in workers.output())
    assert ended(process) == 0


def test_without_redis_every_method_says_so(db: Database) -> None:
    port = servers.free_port()
    queues = Queues(f"redis://:secret@127.0.0.1:{port}/0")
    made = sample(db, 0)
    for call in (queues.ping, queues.depths, lambda: queues.send(made), lambda: queues.holds(made)):
        with pytest.raises(LoopError, match=f"Redis does not answer: .*{port}.*check PREFLOOP_REDIS_URL") as raised:
            call()
        assert "secret" not in str(raised.value)


def test_what_is_no_address_is_said() -> None:
    with pytest.raises(LoopError, match="set PREFLOOP_REDIS_URL, as in redis://"):
        Queues("nonsense")


def test_every_message_has_a_queue_that_is_counted(queues: Queues) -> None:
    assert tuple(queues.depths()) == NAMES
    assert set(queues.depths().values()) == {0}
