"""Which runs the experiment consists of: the known reward, and each label count offline and online, for every seed."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from shared.domain import LoopError, Schedule
from shared.plan import thresholds
from shared.settings import Section, Settings

PRESETS = Path(__file__).parent / "presets"
Reward = Literal["known", "offline", "online"]
# Online, labels are at most this part of all ahead of l(n): those given too early say little of where π goes.
AHEAD, LEAST_AHEAD = 16, 8
# What a run costs beside an episode of PPO: to sample and label a query, and to train r on one, both in episodes.
SAMPLED, TRAINED = 1.0, 0.5


class Grid(Section):
    """`counts` of labels; π is measured with `responses` answers to each of `queries` held-out queries.

    `workers`: processes side by side; None: as many as there are cores.
    """

    counts: tuple[int, ...]
    seeds: tuple[int, ...]
    queries: int
    responses: int
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One training of π: with the known `reward`, or with one learnt from `labels` labels, collected off- or online."""

    reward: Reward
    labels: int | None
    seed: int
    settings: Settings

    @property
    def condition(self) -> str:
        return "known reward" if self.labels is None else f"{self.labels} labels, {self.reward}"

    @property
    def name(self) -> str:
        return "-".join(map(str, filter(None, (self.reward, self.labels, f"seed{self.seed}"))))

    @property
    def cost(self) -> float:
        """About how long it takes, in episodes of PPO."""
        if self.labels is None:
            return self.settings.ppo.episodes
        return self.settings.ppo.episodes + SAMPLED * self.labels + TRAINED * sum(thresholds(self.settings))

    def decisive(self) -> dict[str, Any]:
        """The settings that decide what comes out: a run made with the same need not be made again."""
        asides = {"name", "database_url", "redis_url", "operator_key", "checkpoints", "log_level", "log_format", "web"}
        asides |= {"guards", "freshness", "keep", "tracking"}  # of services that are watched over
        return self.settings.model_dump(mode="json", exclude=asides)


def load_preset(name: str) -> tuple[Grid, dict[str, Any]]:
    """The grid of a preset, and its settings where they are not the loop's own."""
    data = tomllib.loads((PRESETS / f"{name}.toml").read_text(encoding="utf-8"))
    return Grid.model_validate(data.pop("grid")), data


def runs(grid: Grid, settings: Settings) -> list[Run]:
    """All runs, the longest first: then few cores stand idle at the end. LoopError for counts or seeds that fail."""
    for name, values, least in (("counts", grid.counts, 8), ("seeds", grid.seeds, 0)):
        if not values or len(set(values)) < len(values) or min(values) < least:
            raise LoopError(f"--{name} {','.join(map(str, values))}: give different whole numbers from {least} on")
    found: list[Run] = []
    for seed in grid.seeds:
        seeded = settings.model_copy(update={"seed": seed})
        found.append(Run("known", None, seed, seeded))
        for count in grid.counts:
            found += [
                Run("offline", count, seed, _offline(seeded, count)),
                Run("online", count, seed, _online(seeded, count)),
            ]
    return sorted(found, key=lambda run: -run.cost)


def _offline(settings: Settings, count: int) -> Settings:
    labels = settings.labels.model_copy(update={"budget": count, "initial": count, "retrainings": 1})
    return settings.model_copy(update={"schedule": Schedule.OFFLINE, "labels": labels})


def _online(settings: Settings, count: int) -> Settings:
    """The share of labels before the first training, and the number of retrainings, are those of `settings`."""
    initial = max(1, count * settings.labels.initial // settings.labels.budget)
    labels = settings.labels.model_copy(update={"budget": count, "initial": initial})
    backlog = min(settings.sampler.backlog, max(LEAST_AHEAD, count // AHEAD))
    sampler = settings.sampler.model_copy(update={"backlog": backlog})
    return settings.model_copy(update={"schedule": Schedule.ONLINE, "labels": labels, "sampler": sampler})
