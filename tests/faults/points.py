"""Points in the loop's code where a process of the tests kills itself with SIGKILL. The product knows none of them."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn


@dataclass(slots=True)
class Fuse:
    """Burns at the `left`-th time that its point is reached."""

    left: int

    def burns(self) -> bool:
        self.left -= 1
        return self.left == 0


def arm(point: str) -> None:
    """Patch a point of POINTS, given as NAME or NAME@N: the process dies when it is reached for the N-th time."""
    name, _, count = point.partition("@")
    POINTS[name](Fuse(int(count or 1)))


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives SIGKILL")


def _before(owner: Any, name: str, fuse: Fuse) -> None:
    original = getattr(owner, name)

    def patched(*arguments: Any, **named: Any) -> Any:
        if fuse.burns():
            die()
        return original(*arguments, **named)

    setattr(owner, name, patched)


def _after(owner: Any, name: str, fuse: Fuse) -> None:
    original = getattr(owner, name)

    def patched(*arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        if fuse.burns():
            die()
        return result

    setattr(owner, name, patched)


def _halfway(owner: Any, name: str, fuse: Fuse) -> None:
    """In a function that writes into a folder, its last argument: the greatest file is half there."""
    original = getattr(owner, name)

    def patched(*arguments: Any) -> None:
        original(*arguments)
        if fuse.burns():
            folder: Path = arguments[-1]
            greatest = max((file for file in folder.iterdir() if file.is_file()), key=lambda file: file.stat().st_size)
            os.truncate(greatest, greatest.stat().st_size // 2)
            die()

    setattr(owner, name, patched)


def _mid_rollout(fuse: Fuse) -> None:
    """Responses are sampled, r has not scored them."""
    from shared.training import rollout

    _before(rollout, "truncate", fuse)


def _before_insert(fuse: Fuse) -> None:
    """A sampling job has all its queries, the store has none."""
    from shared.store import queries

    _before(queries, "add", fuse)


def _mid_reward_training(fuse: Fuse) -> None:
    """After a step of the optimiser."""
    from torch.optim import Adam

    _after(Adam, "step", fuse)


def _mid_publish(fuse: Fuse) -> None:
    """The weights of a policy are half written."""
    from services.ppo import worker

    _halfway(worker, "save_policy", fuse)


def _mid_optimizer_save(fuse: Fuse) -> None:
    """The policy is written, its trainer's state half."""
    from services.ppo import worker

    _halfway(worker, "save_state", fuse)


def _before_promotion(fuse: Fuse) -> None:
    """A policy's folder has its name, the store has no row of it."""
    from shared.store import versions

    _before(versions, "publish_policy", fuse)


def _after_commit(fuse: Fuse) -> None:
    """The store has the row of a reward model, and RQ has not heard that the job is done."""
    from shared.store import versions

    _after(versions, "publish_reward", fuse)


def _before_enqueue(fuse: Fuse) -> None:
    """The orchestrator has noted the job of a reward training, and never sent it. Counts jobs, not their attempts."""
    from shared.domain import Job
    from shared.queues import Queues

    original, sent = Queues.send, set()

    def patched(self: Queues, job: Job) -> None:
        if job.queue == "reward_trainer" and job.key not in sent and fuse.burns():
            die()
        sent.add(job.key)
        original(self, job)

    Queues.send = patched  # type: ignore[method-assign]


POINTS: dict[str, Callable[[Fuse], None]] = {
    "after-sampling-before-insert": _before_insert,
    "mid-reward-training": _mid_reward_training,
    "mid-rollout": _mid_rollout,
    "mid-publish": _mid_publish,
    "mid-optimizer-save": _mid_optimizer_save,
    "between-rename-and-promotion": _before_promotion,
    "between-commit-and-enqueue": _before_enqueue,
    "after-commit-before-rq": _after_commit,
}
