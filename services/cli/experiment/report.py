"""What the experiment came to: report.json for programs, report.html for people, reward_over_kl.png for both."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.cli.experiment import plots
from services.cli.experiment.compare import Comparison, compare_all, mean_interval
from services.cli.experiment.grid import Grid, Run
from services.cli.experiment.result import Result
from shared.settings import Settings


def figures(results: Sequence[Result], failed: Mapping[Run, str], grid: Grid, settings: Settings) -> dict[str, Any]:
    """All figures as JSON data. Intervals are 95 % over seeds (Student's t); None where there are fewer than two."""
    ordered = sorted(results, key=_order)
    comparisons = compare_all(ordered)
    conditions = list(dict.fromkeys(result.condition for result in ordered))
    return {
        "experiment": "mock-sentiment",
        "conditions": [
            _condition([result for result in ordered if result.condition == condition], comparisons)
            for condition in conditions
        ],
        "online_over_offline": _online_over_offline(ordered, comparisons),
        "runs": [_run(result, comparisons[result.condition, result.seed]) for result in ordered],
        "failed": [{"condition": run.condition, "seed": run.seed, "why": why} for run, why in failed.items()],
        "grid": grid.model_dump(mode="json"),
        "settings": settings.without_secrets(),
    }


def write(folder: Path, figures: Mapping[str, Any], results: Sequence[Result]) -> Path:
    """Write the three files into `folder`. Returns the page, which needs nothing beside itself."""
    (folder / "report.json").write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    ordered = sorted(results, key=_order)
    if ordered:
        (folder / "reward_over_kl.png").write_bytes(plots.reward_over_kl_png(ordered))
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = folder / "report.html"
    page.write_text(
        templates.get_template("report.html").render(figures=figures, plots=plots.all_plots(ordered)), encoding="utf-8"
    )
    return page


def _order(result: Result) -> tuple[Any, ...]:
    return (result.labels is not None, result.labels, result.reward, result.seed)


def _condition(group: Sequence[Result], comparisons: Mapping[tuple[str, int], Comparison | None]) -> dict[str, Any]:
    """Means over the seeds of one condition."""
    first = group[0]
    compared = [found for result in group if (found := comparisons[result.condition, result.seed]) is not None]
    return {
        "condition": first.condition,
        "reward": first.reward,
        "labels": first.labels,
        "seeds": [result.seed for result in group],
        "known_reward": _spread([result.curve[-1].known_reward for result in group]),
        "gain": _spread([result.curve[-1].known_reward - result.curve[0].known_reward for result in group]),
        "kl": _spread([result.curve[-1].kl for result in group]),
        "share_of_known_gain": _spread([found.share for found in compared if first.labels is not None]),
        "accuracy": _spread([result.accuracy for result in group if result.accuracy is not None]),
        "seconds": statistics.fmean(result.seconds for result in group),
    }


def _online_over_offline(
    results: Sequence[Result], comparisons: Mapping[tuple[str, int], Comparison | None]
) -> list[dict[str, Any]]:
    """For each label count, what the online run has more than the offline run of the same seed."""
    found: dict[int, tuple[list[float], list[float]]] = {}
    offline = {(result.labels, result.seed): result for result in results if result.reward == "offline"}
    for online in results:
        other = offline.get((online.labels, online.seed))
        if online.labels is None or online.reward != "online" or other is None:
            continue
        rewards, shares = found.setdefault(online.labels, ([], []))
        rewards.append(online.curve[-1].known_reward - other.curve[-1].known_reward)
        ours, theirs = (comparisons[result.condition, result.seed] for result in (online, other))
        if ours is not None and theirs is not None:
            shares.append(ours.share - theirs.share)
    return [
        {"labels": labels, "known_reward": _spread(rewards), "share_of_known_gain": _spread(shares)}
        for labels, (rewards, shares) in found.items()
    ]


def _spread(values: Sequence[float]) -> dict[str, Any]:
    mean, interval = mean_interval(values)
    return {"mean": mean, "interval": interval, "values": list(values)}


def _run(result: Result, comparison: Comparison | None) -> dict[str, Any]:
    compared = comparison if result.labels is not None else None
    return {
        "condition": result.condition,
        "reward": result.reward,
        "labels": result.labels,
        "seed": result.seed,
        "known_reward": result.curve[-1].known_reward,
        "gain": result.curve[-1].known_reward - result.curve[0].known_reward,
        "kl": result.curve[-1].kl,
        "compared_at_kl": compared.kl if compared else None,
        "share_of_known_gain": compared.share if compared else None,
        "accuracy": result.accuracy,
        "held_out": result.trainings[-1].held_out if result.trainings else None,
        "seconds": result.seconds,
        "curve": [point.model_dump(mode="json") for point in result.curve],
        "trainings": [training.model_dump(mode="json") for training in result.trainings],
    }
