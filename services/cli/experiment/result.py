"""What a run came to, as it lies in the experiment's folder: a JSON file a run, there when the run is finished."""

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from services.cli.experiment.grid import Grid, Reward, Run
from shared.domain import Check, RewardStatus


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Point(Record):
    """π after `episodes`: mean known reward of its answers to held-out queries, KL(π, ρ) in nats a response."""

    episodes: int
    labels: int
    known_reward: float
    kl: float


class Training(Record):
    """One training of r. `labels` counts those held out too; of those r gets the share `accuracy` right.

    `verdict`: what the gate looked at.
    """

    version: int
    labels: int
    held_out: int
    accuracy: float | None
    status: RewardStatus
    reason: str
    verdict: tuple[Check, ...] = ()


class Result(Record):
    """`settings`: those that decide what comes out. Each point of the curve is a mean over `queries` * `responses`."""

    reward: Reward
    labels: int | None
    seed: int
    condition: str
    settings: dict[str, Any]
    queries: int
    responses: int
    curve: tuple[Point, ...]
    trainings: tuple[Training, ...]
    seconds: float

    @property
    def accuracy(self) -> float | None:
        """Of the last reward model that was published."""
        published = [training for training in self.trainings if training.status is RewardStatus.PUBLISHED]
        return published[-1].accuracy if published else None


def file_of(run: Run, folder: Path) -> Path:
    return folder / f"{run.name}.json"


def save(result: Result, file: Path) -> None:
    """Written beside, then renamed: a file that is there is whole."""
    temporary = file.with_name(f".{file.name}.new")
    with temporary.open("w", encoding="utf-8") as out:
        out.write(result.model_dump_json(indent=1) + "\n")
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)


def finished(run: Run, grid: Grid, folder: Path) -> Result | None:
    """The run's result if it was made before, with equal settings and measured alike."""
    try:
        found = Result.model_validate_json(file_of(run, folder).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):  # none, or of another version of prefloop
        return None
    wanted = (run.decisive(), grid.queries, grid.responses)
    return found if (found.settings, found.queries, found.responses) == wanted else None
