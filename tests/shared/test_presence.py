"""Who is there, and whose jobs a worker may take back at once."""

import os
import socket
import subprocess
import sys

import pytest

from shared import presence
from shared.presence import gone, instance, present
from shared.store.database import Database
from shared.store.presence import processes, seen


def test_a_process_of_this_host_that_ended_is_gone_and_so_is_who_had_our_number() -> None:
    host = socket.gethostname()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert not gone(f"{host}/{process.pid}")
        process.communicate(b"\n")
    assert gone(f"{host}/{process.pid}")
    assert instance() == f"{host}/{os.getpid()}"
    assert gone(instance())  # a container that began anew: we hold nothing yet
    assert not gone(f"{host}/{os.getppid()}")
    assert not gone(f"another-{host}/{process.pid}")


def test_whoever_begins_takes_the_place_of_those_that_ended_without_a_word(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that was killed twice has the host and the process id of its first life: it is another process."""
    monkeypatch.setattr(presence, "EVERY_SECONDS", 0.01)
    host = socket.gethostname()
    for one in (instance(), f"{host}/{2**30}", f"another-{host}/7"):
        seen(db, "ppo", one, {})
    seen(db, "sampler", f"{host}/{2**30}", {})
    before = {process.started_at for process in processes(db) if process.instance == instance()}
    with present(db, "ppo"):
        while {process.started_at for process in processes(db) if process.instance == instance()} <= before:
            pass
        there = [(process.service, process.instance) for process in processes(db)]
    assert there == [("ppo", instance()), ("ppo", f"another-{host}/7"), ("sampler", f"{host}/{2**30}")]
    assert ("ppo", instance()) not in [(process.service, process.instance) for process in processes(db)]
