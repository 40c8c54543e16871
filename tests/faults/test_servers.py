"""Redis emptied, and both servers killed with -9, while one job runs and one waits: both are done, once."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from services.cli import servers
from services.cli.supervisor import Supervisor
from services.orchestrator.tick import tick
from shared.domain import LoopError
from shared.queues import Queues
from shared.store import loop
from shared.store.database import Database
from shared.store.migrate import migrate
from tests.shared.store.rows import add_policy, seen
from tests.shared.test_queues import DONE, RUNNING, SETTINGS, Workers, sample, until


def answers(db: Database, queues: Queues, supervisor: Supervisor) -> bool:
    supervisor.check()
    try:
        db.ping()
        queues.ping()
    except LoopError:
        return False
    return True


def test_redis_emptied_while_jobs_wait_and_run_costs_nothing(
    db: Database, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    loop.start(db, SETTINGS)
    add_policy(db)
    runs, waits = sample(db, 0), sample(db, 1)
    workers = Workers(database_url, tmp_path)
    workers.does(runs.key, "wait")
    with closing(Queues(redis_url)) as queues, closing(Redis.from_url(redis_url)) as redis:
        for message in (runs, waits):
            queues.send(message)
        workers.start(redis_url)
        try:
            until(lambda: workers.begun(runs.key) == [1])
            redis.flushall()
            (workers.folder / runs.key).unlink()
            until(lambda: seen(db, runs.key) == (DONE, 1))
            tick(db, queues, SETTINGS)
            until(lambda: seen(db, waits.key) == (DONE, 1))
        finally:
            workers.end()
    assert (workers.begun(runs.key), workers.begun(waits.key)) == ([1], [1])


def test_killed_servers_come_back_and_the_loop_goes_on(tmp_path: Path) -> None:
    postgres, database_url = servers.postgres(tmp_path / "postgres", password="test", log=tmp_path / "postgres.log")
    valkey, redis_url = servers.valkey(tmp_path / "valkey", password="test", log=tmp_path / "valkey.log")
    workers = Workers(database_url, tmp_path)
    with Supervisor(print) as supervisor, closing(Database(database_url)) as db, closing(Queues(redis_url)) as queues:
        supervisor.start([postgres, valkey])
        migrate(database_url)
        loop.start(db, SETTINGS)
        add_policy(db)
        runs, waits = sample(db, 0), sample(db, 1)
        workers.does(runs.key, "wait")
        for message in (runs, waits):
            queues.send(message)
        process = workers.start(redis_url)
        try:
            until(lambda: workers.begun(runs.key) == [1])
            for pid in supervisor.pids().values():
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(LoopError):
                tick(db, queues, SETTINGS)
            until(lambda: answers(db, queues, supervisor), seconds=60)
            assert seen(db, runs.key) == (RUNNING, 1)
            (workers.folder / runs.key).unlink()
            until(lambda: seen(db, runs.key) == (DONE, 1))  # its worker waited, and stored what it had
            tick(db, queues, SETTINGS)  # Redis came back empty
            until(lambda: seen(db, waits.key) == (DONE, 1))
            assert process.poll() is None
        finally:
            workers.end()
