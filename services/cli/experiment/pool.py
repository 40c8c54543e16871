"""Runs side by side, each in a process of its own that ends with us; how far all are, and when they will be done."""

import ctypes
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from services.cli.experiment import result
from services.cli.experiment.grid import Grid, Run
from services.cli.experiment.result import Result
from shared.domain import LoopError

LOOK_SECONDS = 1.0
LINE_SECONDS = 30.0
KNOWN_ENOUGH = 0.02  # the share done from which on the time left can be told
Say = Callable[[str], None]
Shares = ctypes.Array[ctypes.c_double]  # how much of each run is done, 0 to 1; without a lock that a killed one keeps

_shares: Shares | None = None  # in a worker process: where it tells its share


def perform_all(todo: Sequence[Run], grid: Grid, folder: Path, say: Say) -> dict[Run, str]:
    """Make all runs; each leaves its result in `folder`. Returns those that could not be made, and why.

    LoopError where a process is killed.
    """
    context = multiprocessing.get_context("spawn")
    shares = context.RawArray(ctypes.c_double, len(todo))
    workers = min(grid.workers or os.cpu_count() or 1, len(todo))
    threads = todo[0].settings.model.threads
    say(f"{len(todo)} runs, {workers} at a time")
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(shares, threads)) as pool:
        work = {pool.submit(_perform, index, run, grid, folder): run for index, run in enumerate(todo)}
        try:
            return _follow(work, shares, say)
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():  # half a run is worth nothing: nobody waits for it
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise LoopError(
                    "a run's process was killed, perhaps for want of memory: the same command goes on, and "
                    "--workers 1 needs the least"
                ) from None
            raise


def _follow(work: dict[Future[Result], Run], shares: Shares, say: Say) -> dict[Run, str]:
    costs = [run.cost for run in work.values()]
    start = said_at = time.monotonic()
    failed: dict[Run, str] = {}
    pending = set(work)
    while pending:
        done, pending = wait(pending, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        seconds = time.monotonic() - start
        share = sum(cost * part for cost, part in zip(costs, shares, strict=True)) / sum(costs)
        so_far = f"{clock(seconds)}  {share:4.0%}"
        for future in done:
            run = work[future]
            try:
                line = _line(future.result())
            except LoopError as error:
                failed[run] = str(error)
                line = f"{run.condition}, seed {run.seed}: {error}"
            say(f"{so_far}  {line}")
        if pending and start + seconds - said_at >= LINE_SECONDS:
            left = f", about {clock(seconds / share - seconds)} left" if share > KNOWN_ENOUGH else ""
            say(f"{so_far}  {len(work) - len(pending)} of {len(work)} runs{left}")
            said_at = start + seconds
    return failed


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _line(found: Result) -> str:
    first, last = found.curve[0], found.curve[-1]
    accuracy = "" if found.accuracy is None else f", r right on {found.accuracy:.0%} of held-out labels"
    return (
        f"{found.condition}, seed {found.seed}: known reward {first.known_reward:+.2f} to {last.known_reward:+.2f} "
        f"at {last.kl:.1f} nats{accuracy}, {clock(found.seconds)}"
    )


def _begin(shares: Shares, threads: int) -> None:
    """In a worker process, before its first run. Ctrl-C is our parent's business, and we end with it."""
    global _shares  # noqa: PLW0603 (an initializer has no other way to hand anything on)
    _shares = shares
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before torch is imported
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _perform(index: int, run: Run, grid: Grid, folder: Path) -> Result:
    from services.cli.experiment.run import perform

    def on_share(share: float) -> None:
        if _shares is not None:
            _shares[index] = share

    found = perform(run, grid, on_share)
    result.save(found, result.file_of(run, folder))
    on_share(1.0)
    return found
