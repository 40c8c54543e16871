"""Keeps child processes running: waits until each is ready, starts a crashed one again, ends all of them in time."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.cli.processes import Child, Popen, kill_group, last_lines, peak_memory, spawn, stop
from shared.domain import LoopError

BACKOFF = (0.2, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before each start after a crash
SOON = 15.0  # seconds of life that make up for earlier crashes: its imports are done, its end is no fault of its start


@dataclass(slots=True)
class Kept:
    """A child under our care. `crashes` counts those since it last lived SOON seconds."""

    child: Child
    process: Popen
    started: float
    crashes: int = 0
    again_at: float | None = None


class Supervisor:
    """Holds groups of children in the order they were started; a context manager that ends them in reverse order.

    `give_up_after` crashes in a row, each soon after a start, and a LoopError ends the run; None keeps trying for
    ever. What is killed now and then, by whomever, is started again at once.
    """

    def __init__(self, say: Callable[[str], None], *, give_up_after: int | None = None) -> None:
        self._say = say
        self._give_up_after = give_up_after
        self._groups: list[list[Kept]] = []
        self._peaks: dict[str, int] = {}

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        while self._groups:
            self.stop_last()

    def start(self, children: Iterable[Child]) -> None:
        """Start a group side by side and wait until all are ready. LoopError with the log's end of one that is not."""
        group: list[Kept] = []
        self._groups.append(group)
        for child in children:
            group.append(Kept(child, spawn(child), time.monotonic()))
        for kept in group:
            self._await_ready(kept)

    def check(self) -> None:
        """Look after all children once: call it every second or so."""
        for kept in self._all():
            if kept.again_at is not None:
                if time.monotonic() >= kept.again_at:
                    kept.process, kept.started, kept.again_at = spawn(kept.child), time.monotonic(), None
            elif kept.process.poll() is not None:
                self._crashed(kept)
            else:
                self._note_peak(kept)

    def stop_last(self, *, grace: float = 5.0) -> None:
        """End the group that was started last."""
        group = self._groups[-1]
        for kept in group:
            self._note_peak(kept)
        killed = stop([(kept.child, kept.process) for kept in group], grace=grace)
        if killed:
            self._say(f"killed after {grace:.0f} s: {', '.join(killed)}")
        self._groups.pop()

    def peaks(self) -> dict[str, int]:
        """The most memory each child's process ever held, in bytes."""
        return dict(self._peaks)

    def pids(self) -> dict[str, int]:
        return {kept.child.name: kept.process.pid for kept in self._all() if kept.again_at is None}

    def _all(self) -> list[Kept]:
        return [kept for group in self._groups for kept in group]

    def _note_peak(self, kept: Kept) -> None:
        name = kept.child.name
        self._peaks[name] = max(self._peaks.get(name, 0), peak_memory(kept.process.pid) or 0)

    def _await_ready(self, kept: Kept) -> None:
        child = kept.child
        deadline = kept.started + child.ready_seconds
        while not child.ready(kept.process.pid):
            if (status := kept.process.poll()) is not None:
                raise LoopError(f"{child.name} {_ended(status)} at its start; {_log_of(child)}")
            if time.monotonic() > deadline:
                raise LoopError(f"{child.name} is not ready after {child.ready_seconds:.0f} s; {_log_of(child)}")
            time.sleep(0.05)

    def _crashed(self, kept: Kept) -> None:
        kill_group(kept.process)
        now = time.monotonic()
        kept.crashes = 1 if now - kept.started > SOON else kept.crashes + 1
        what = f"{kept.child.name} {_ended(kept.process.returncode)}"
        if self._give_up_after is not None and kept.crashes >= self._give_up_after:
            raise LoopError(f"{what}, {kept.crashes} times in a row; {_log_of(kept.child)}")
        wait = BACKOFF[min(kept.crashes, len(BACKOFF)) - 1]
        kept.again_at = now + wait
        self._say(f"{what}; started again in {wait:g} s (log: {kept.child.log})")


def _log_of(child: Child) -> str:
    return f"{child.log} ends:\n{last_lines(child.log)}"


def _ended(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended with code {status}"
