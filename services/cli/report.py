"""What a demo came to: report.json for programs, report.html for people. The same figures in both."""

import json
import math
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.cli import plots
from services.cli.figures import bootstrap, wins
from shared.domain import PolicyVersion, RewardStatus, RewardVersion
from shared.intervals import wilson
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store.evaluations import HumanWinRate
from shared.store.loop import Batch

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Record:
    """What the store says of a finished loop."""

    labels: int
    policies: Sequence[PolicyVersion]
    rewards: Sequence[RewardVersion]
    batches: Sequence[Batch]
    human_win_rates: Sequence[HumanWinRate]
    labels_over_time: Sequence[tuple[datetime, int]]


@dataclass(frozen=True, slots=True)
class Example:
    """A held-out query, both answers with their known reward, and log π(y|x) - log ρ(y|x) of π's answer in nats."""

    query: str
    ref_response: str
    response: str
    ref_reward: float
    reward: float
    kl: float


def figures(
    record: Record,
    examples: Sequence[Example],
    settings: Settings,
    *,
    seconds: float,
    phases: Mapping[str, float],
    peak_memory: Mapping[str, int],
    labelers: int,
    noise: float,
) -> dict[str, Any]:
    """All figures as JSON data. Intervals are 95 %: Wilson for shares, bootstrap for means. `peak_memory` in bytes."""
    published = [reward for reward in record.rewards if reward.status is RewardStatus.PUBLISHED]
    ours, theirs = [e.reward for e in examples], [e.ref_reward for e in examples]
    won, n = wins(ours, theirs), len(examples)
    return {
        "name": settings.name,
        "labels": record.labels,
        "reward_versions": len(published),
        "policy_versions": len(record.policies) - 1,
        "win_rate": won / n if n else None,
        "win_rate_interval": wilson(won, n),
        "human_win_rates": [human.as_dict() for human in record.human_win_rates],
        "kl": _mean([e.kl for e in examples]),
        "kl_interval": _interval([e.kl for e in examples]),
        "reward_accuracy": published[-1].accuracy if published else None,
        "seconds": seconds,
        "queries": n,
        "known_reward": {
            "ref_policy": {"mean": _mean(theirs), "interval": _interval(theirs)},
            "policy": {"mean": _mean(ours), "interval": _interval(ours)},
        },
        "accuracy_by_labels": [_accuracy(reward) for reward in record.rewards],
        "policies": [_policy(policy) for policy in record.policies],
        "batches": [{"policy_version": b.policy_version, "episodes": b.episodes, **b.stats} for b in record.batches],
        "policy_sha256": record.policies[-1].sha256,
        "phases": dict(phases),
        "peak_memory": dict(peak_memory),
        "labelers": labelers,
        "noise": noise,
        "cores": os.cpu_count(),
        "settings": settings.without_secrets(),
        "examples": [asdict(e) for e in examples[:SHOWN]],
    }


def write(folder: Path, figures: Mapping[str, Any], record: Record) -> Path:
    """Write both files into `folder`. Returns the page, which needs nothing beside itself."""
    (folder / "report.json").write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    kind, responses = figures["settings"]["labels"]["kind"], figures["settings"]["task"]["responses"]
    chance = QUESTIONS[kind].chance(responses)
    page = folder / "report.html"
    page.write_text(
        templates.get_template("report.html").render(
            figures=figures, plots=plots.all_plots(figures, record.labels_over_time, chance=chance), chance=chance
        ),
        encoding="utf-8",
    )
    return page


def _accuracy(reward: RewardVersion) -> dict[str, Any]:
    """`labels` counts all that were there: those trained on and those held out."""
    accuracy, compared = reward.accuracy, reward.compared
    return {
        "version": reward.version,
        "status": str(reward.status),
        "reason": reward.reason,
        "labels": reward.labels + reward.held_out,
        "held_out": reward.held_out,
        "accuracy": accuracy,
        "compared": compared,
        "interval": None if accuracy is None else wilson(accuracy * compared, compared),
    }


def _policy(policy: PolicyVersion) -> dict[str, Any]:
    return {
        "version": policy.version,
        "reward_version": policy.reward_version,
        "episodes": policy.episodes,
        "kl": policy.kl,
        "kl_coef": policy.kl_coef,
        "score": policy.score,
        "sha256": policy.sha256,
    }


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    low, high = bootstrap(values)
    return None if math.isnan(low) else (low, high)
