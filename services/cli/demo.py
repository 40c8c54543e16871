"""The loop under way: `follow` tells how it goes, `demo` runs it with simulated labelers to the end and reports."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from services.cli import report, status
from services.cli.folder import RunFolder
from services.cli.report import Example, Record
from services.cli.running import RunningLoop, run_loop
from shared.checkpoints import Checkpoints
from shared.domain import LoopError, PolicyVersion
from shared.settings import Settings
from shared.store import loop, versions
from shared.store.evaluations import human_win_rates

LOOK_SECONDS = 1.0
LINE_SECONDS = 5.0
Say = Callable[[str], None]


def follow(running: RunningLoop, say: Say, *, to_the_end: bool) -> dict[str, float]:
    """Look after the processes and say how the loop goes. Returns seconds by phase.

    `to_the_end`: return when the loop is finished, LoopError where it is blocked. Otherwise it goes on for ever.
    """
    seconds: defaultdict[str, float] = defaultdict(float)
    start = since = time.monotonic()
    said, said_at = "", 0.0
    while True:
        running.supervisor.check()
        try:
            now = status.read(running.db, running.settings)
        except LoopError as error:  # PostgreSQL is being started again
            say(str(error))
        else:
            seconds[now.phase] += time.monotonic() - since
            since = time.monotonic()
            line = status.line(now, running.settings)
            if line != said and (since - said_at >= LINE_SECONDS or now.phase in ("finished", "blocked")):
                say(f"{elapsed(since - start)}  {line}")
                said, said_at = line, since
            if to_the_end and now.blocked:
                raise LoopError(f"the loop is blocked: {now.blocked}\nthe services' logs: {running.folder.logs}")
            if to_the_end and now.phase == "finished":
                return dict(seconds)
        time.sleep(LOOK_SECONDS)


def demo(folder: RunFolder, settings: Settings, say: Say, *, labelers: int, noise: float, queries: int) -> Path:
    """Run the loop with simulated labelers until it is finished, then compare π with ρ. Returns the report's page."""
    start = time.monotonic()
    simulate = ["--noise", str(noise), "--seed", str(settings.seed)]
    with run_loop(folder, settings, say, simulate=simulate, labelers=labelers) as running:
        phases = {"starting": time.monotonic() - start, **follow(running, say, to_the_end=True)}
        record = _record(running)
        for _ in ("labelers", "services"):  # evaluation has the machine for itself; the store is no longer needed
            running.supervisor.stop_last()
        phases["ending the services"] = time.monotonic() - start - sum(phases.values())
        peaks = running.supervisor.peaks()
        settings = running.settings
    say(f"comparing policy {record.policies[-1].version} with the reference policy on {queries} held-out queries")
    examples = _compare(record.policies, settings, queries)
    phases["comparing the policies"] = time.monotonic() - start - sum(phases.values())
    figures = report.figures(
        record,
        examples,
        settings,
        seconds=time.monotonic() - start,
        phases=phases,
        peak_memory=peaks,
        labelers=labelers,
        noise=noise,
    )
    return report.write(folder.path, figures, record)


def elapsed(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _record(running: RunningLoop) -> Record:
    db = running.db
    return Record(
        labels=loop.state(db).labels,
        policies=versions.policies(db),
        rewards=versions.rewards(db),
        batches=loop.batches(db),
        human_win_rates=human_win_rates(db),
        labels_over_time=loop.overview(db).labels_over_time,
    )


def _compare(policies: Sequence[PolicyVersion], settings: Settings, queries: int) -> list[Example]:
    from services.cli.known_reward import known_reward
    from shared.training.evaluate import compare

    checkpoints = Checkpoints(settings.checkpoints)
    first, last = (checkpoints.verify(policy.path, policy.sha256) for policy in (policies[0], policies[-1]))
    return [
        Example(
            pair.query,
            pair.ref_response,
            pair.response,
            known_reward(pair.ref_response),
            known_reward(pair.response),
            pair.kl,
        )
        for pair in compare(last, first, settings, n=queries)
    ]
