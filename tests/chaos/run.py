"""One run from its start to its end, with kills on the way or without."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from shared.checkpoints import Checkpoints
from shared.domain import LoopError
from tests.chaos import outcome, recovery
from tests.chaos.kills import Kill, Moment
from tests.chaos.look import Look, Looker, Seen
from tests.chaos.loop import SmallLoop
from tests.chaos.outcome import Outcome
from tests.chaos.recovery import Recovery

LONGEST_RECOVERY = 120.0  # seconds: what the loop promises
STUCK_SECONDS = 180.0  # without any news, though nothing is killed
MOMENT_SECONDS = 15.0  # that a moment is waited for; then the kill comes at any time
LOOK_SECONDS = 0.2
SAY_SECONDS = 10.0
SPARE_STAGES = 2  # in which there is time for the last kills
SHELVES = {"ppo": "policy", "reward_trainer": "reward"}  # of the checkpoints they publish
QUEUES = {Moment.SAMPLING: "sampler", Moment.REWARD_TRAINING: "reward_trainer", Moment.POLICY_TRAINING: "ppo"}


class Run:
    """`kills`: None lets the loop alone. Raises LoopError where it ends too early, gets stuck or does not recover."""

    def __init__(self, loop: SmallLoop, say: Callable[[str], None], kills: Iterator[Kill] | None, wanted: int) -> None:
        self._loop = loop
        self._say = say
        self._kills = kills
        self._wanted = wanted if kills is not None else 0
        self._start = time.monotonic()
        self._looker = Looker(loop)
        self._pending: list[tuple[int, Recovery]] = []
        self._news: tuple[str, float] = ("", self._start)
        self._said = self._start
        self._labels = 0
        self._last = Look({}, None)
        self.recoveries: list[Recovery] = []

    def to_the_end(self) -> tuple[Outcome, list[str]]:
        """What it came to, and what is wrong with its store."""
        try:
            for number in range(1, self._wanted + 1):
                self._kill(number)
            while not self._over(self._step()):
                time.sleep(LOOK_SECONDS)
            db = self._looker.db()
            return outcome.read(db), outcome.faults(db, Checkpoints(self._loop.folder.checkpoints))
        finally:
            self._looker.close()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def _kill(self, number: int) -> None:
        assert self._kills is not None
        kill = next(self._kills)
        while self._pending and not kill.overlaps:
            self._step()
            time.sleep(LOOK_SECONDS)
        self._sleep(kill.pause)
        self._there(kill.victim)
        came = self._await(kill, number)
        self._sleep(kill.delay)
        while not _killed(kill.victim, look := self._last):
            self._there(kill.victim)
        if self._over(look):
            raise LoopError(f"the loop ended before kill {number} of {self._wanted}: give it more --stages")
        begun = recovery.begin(kill.victim, look)
        self._pending.append((number, begun))
        self.recoveries.append(begun)
        wished = kill.moment if came else f"any time, {kill.moment} did not come"
        self._say(f"{self._clock()}  kill {number:2}  {kill.victim:<15} at {wished}: {look.doing}")

    def _there(self, victim: str) -> Look:
        """Wait for it: it may have ended just now, by itself or with what was killed before."""
        until = time.monotonic() + LONGEST_RECOVERY
        while victim not in (look := self._step()).pids:
            if time.monotonic() > until:
                raise LoopError(f"{victim} has not been there for {LONGEST_RECOVERY:.0f} s: there are {[*look.pids]}")
            time.sleep(LOOK_SECONDS)
        return look

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._step()
            time.sleep(min(LOOK_SECONDS, max(left, 0)))

    def _await(self, kill: Kill, number: int) -> bool:
        """Wait for its moment. False where that does not come in time."""
        until = time.monotonic() + MOMENT_SECONDS
        shelf = SHELVES.get(kill.victim, "*")
        labels, written = self._labels, self._half_written(shelf)
        while time.monotonic() < until:
            look = self._step()
            if kill.moment is Moment.PUBLICATION:
                if self._published_soon(shelf, written):
                    return True
            elif look.store is not None and _is_at(kill.moment, look.store, labels):
                return True
            else:
                time.sleep(LOOK_SECONDS)
            if self._late(number):
                return False
        return False

    def _late(self, number: int) -> bool:
        """Whether the loop is further than the kills are: it must not end before they do."""
        done = 0 if self._last.store is None else self._last.store.policies
        return done / (self._loop.stages - SPARE_STAGES) >= number / self._wanted

    def _published_soon(self, shelf: str, before: frozenset[Path]) -> bool:
        """Whether a checkpoint begins to be written in the next moment: that is over before the next look."""
        until = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until:
            if self._half_written(shelf) - before:
                return True
            time.sleep(0.005)
        return False

    def _half_written(self, shelf: str) -> frozenset[Path]:
        """Checkpoints beside their final names: being written, or left by a kill."""
        return frozenset(self._loop.folder.checkpoints.glob(f"{shelf}/.*"))

    def _step(self) -> Look:
        """Keep the processes, look, note who is back. LoopError where somebody should be back by now."""
        self._loop.keep()
        self._last = look = self._looker.look(pages=bool(self._pending))
        for number, one in list(self._pending):
            missing = one.missing(look)
            waited = time.monotonic() - one.killed
            if missing is None:
                one.seconds = waited
                self._pending.remove((number, one))
                self._say(f"{self._clock()}       {number:2}  {one.victim:<15} is back after {waited:.1f} s")
            elif waited > LONGEST_RECOVERY:
                raise LoopError(f"kill {number}, {one.victim}: {missing} after {waited:.0f} s ({look.doing})")
        if look.store is not None:
            self._watch(look)
        return look

    def _watch(self, look: Look) -> None:
        store, now = look.store, time.monotonic()
        assert store is not None
        if store.labels < self._labels:
            raise LoopError(f"labels were lost: {self._labels} stood, {store.labels} do now")
        self._labels = store.labels
        if store.trouble is not None:
            raise LoopError(f"the loop does not go on by itself: {store.trouble}")
        if lost := recovery.unrecoverable(store.jobs.values()):
            raise LoopError(f"{', '.join(lost)}: no worker takes it again")
        if store.line != self._news[0] or self._pending:
            self._news = (store.line, now)
        elif store.phase != "finished" and now - self._news[1] > STUCK_SECONDS:
            raise LoopError(f"no news for {STUCK_SECONDS:.0f} s: {store.line}")
        if not self._wanted and now - self._said > SAY_SECONDS:
            self._say(f"{self._clock()}  {store.line}")
            self._said = now

    def _over(self, look: Look) -> bool:
        return look.store is not None and look.store.phase == "finished" and not self._pending

    def _clock(self) -> str:
        return f"{int(self.seconds) // 60:02}:{int(self.seconds) % 60:02}"


def _is_at(moment: Moment, store: Seen, labels: int) -> bool:
    """`labels`: how many there were when the wait began."""
    if moment is Moment.LABELING:
        return store.labels > labels
    return moment is Moment.ANY or any(job.queue == QUEUES[moment] for job in store.running)


def _killed(victim: str, look: Look) -> bool:
    """False where it is not there: what was killed just before, as `prefloop`, takes others with it."""
    try:
        os.kill(look.pids[victim], signal.SIGKILL)
    except (KeyError, ProcessLookupError):
        return False
    return True
