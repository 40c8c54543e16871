"""A process says that it is there: a thread of it, every few seconds, to the label store."""

import logging
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from shared.domain import LoopError
from shared.store import presence
from shared.store.database import Database

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0


def instance() -> str:
    """This process, among those of all machines: host/pid."""
    return f"{socket.gethostname()}/{os.getpid()}"


def gone(holder: str) -> bool:
    """Whether a process (`instance`) surely lives no more, or was this one, which began anew.

    A container that is started again has its host and process id of before. Of other hosts nobody here can tell.
    """
    host, _, number = holder.rpartition("/")
    if host != socket.gethostname():
        return False
    pid = int(number)
    return pid == os.getpid() or not Path(f"/proc/{pid}").exists()


@contextmanager
def present(db: Database, service: str, facts: Callable[[], Mapping[str, Any]] = dict) -> Iterator[None]:
    """Say so while the block runs. `facts` is asked each time. While the store is away, nobody hears it."""
    done = threading.Event()

    def say() -> None:
        arrived = trouble = False
        while True:
            try:
                if not arrived:
                    presence.forget(db, service, gone)  # those whose place this one takes
                    arrived = True
                presence.seen(db, service, instance(), {"memory_bytes": _memory(), **facts()})
                trouble = False
            except LoopError as error:
                if not trouble:
                    log.warning("no sign of life: %s", error)
                trouble = True
            if done.wait(EVERY_SECONDS):
                return

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(EVERY_SECONDS)
        with suppress(LoopError):
            presence.left(db, service, instance())


def _memory() -> int:
    """The most that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
