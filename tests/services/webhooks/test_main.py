"""The service as a process of its own, killed in the middle and started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.events import LineResumed, LineStopped
from shared.store import stops, webhooks
from shared.store.database import Database
from tests.services.webhooks.receiver import NEVER, receiving

LINE = LineStopped | LineResumed


@contextmanager
def started(database_url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "services.webhooks.main"],
        env={**os.environ, "PREFLOOP_DATABASE_URL": database_url},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:  # with SIGKILL, where it was not told to stop before
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_in_the_middle_it_loses_nothing(db: Database, database_url: str) -> None:
    with receiving() as receiver:
        receiver.secret = webhooks.add(db, receiver.url)
        for _ in range(30):
            stops.stop(db, by="ada", reason="it swears")
            stops.resume(db, by="grace")
        receiver.answers = [*[(204, {})] * 20, (NEVER, {})]
        with started(database_url) as first:
            wait_for(lambda: len(receiver.tries) == 21, first)
        with started(database_url) as again:
            wait_for(lambda: len(receiver.taken) == 60, again)
            again.send_signal(signal.SIGTERM)
            _, said = again.communicate(timeout=20)
    assert again.returncode == 0, said
    assert "Traceback" not in said
    told = [(event.data.stop_id, event.type) for _, event in receiver.taken if isinstance(event, LINE)]
    assert told == [(number, what) for number in range(1, 31) for what in ("line.stopped", "line.resumed")]
    taken = [name for name, _ in receiver.taken]
    assert receiver.tries == [*taken[:21], *taken[20:]]  # what was under way is told again, under the same id
