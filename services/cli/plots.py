"""The report's curves as SVG text that stands inside a page."""

import io
import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes

matplotlib.use("svg")
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "prefloop",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
BLUE, ORANGE, GREY = "#2563a8", "#c2571a", "#777777"


def all_plots(
    figures: Mapping[str, Any], labels_over_time: Sequence[tuple[datetime, int]], *, chance: float
) -> dict[str, str]:
    """SVG by title. Plots without a single point are left out."""
    batches, rewards = figures["batches"], [r for r in figures["accuracy_by_labels"] if r["accuracy"] is not None]
    found: dict[str, str] = {}
    if rewards:
        found["Accuracy of r on held-out labels"] = _draw(lambda axes: _accuracy(axes, rewards, chance))
    if batches:
        found["KL of π from ρ"] = _draw(lambda axes: _kl(axes, batches, figures["settings"]["ppo"]["kl_target"]))
        found["Score by r (its scale changes with its version)"] = _draw(lambda axes: _score(axes, batches))
    if labels_over_time:
        found["Labels"] = _draw(lambda axes: _labels(axes, labels_over_time))
    return found


def _accuracy(axes: "Axes", rewards: Sequence[Mapping[str, Any]], chance: float) -> None:
    x, y = [r["labels"] for r in rewards], [r["accuracy"] for r in rewards]
    below = [r["accuracy"] - r["interval"][0] for r in rewards]
    above = [r["interval"][1] - r["accuracy"] for r in rewards]
    axes.errorbar(x, y, yerr=[below, above], color=BLUE, marker="o", markersize=4, capsize=2)
    axes.axhline(chance, color=GREY, linestyle="--", label="chance")
    axes.set(xlabel="labels", ylabel="share right", ylim=(0, 1))
    axes.legend(frameon=False)


def _kl(axes: "Axes", batches: Sequence[Mapping[str, Any]], target: float | None) -> None:
    axes.plot([b["episodes"] for b in batches], [b["kl"] for b in batches], color=BLUE)
    if target is not None:
        axes.axhline(target, color=GREY, linestyle="--", label="target")
        axes.legend(frameon=False)
    axes.set(xlabel="episodes", ylabel="nats a response", ylim=(0, None))


def _score(axes: "Axes", batches: Sequence[Mapping[str, Any]]) -> None:
    axes.plot([b["episodes"] for b in batches], [b["score"] for b in batches], color=ORANGE)
    for before, after in itertools.pairwise(batches):
        if before["policy_version"] != after["policy_version"]:
            axes.axvline(before["episodes"], color=GREY, linewidth=0.5)
    axes.set(xlabel="episodes (a line where a new segment begins)", ylabel="score")


def _labels(axes: "Axes", labels_over_time: Sequence[tuple[datetime, int]]) -> None:
    start = labels_over_time[0][0]
    minutes = [(at - start).total_seconds() / 60 for at, _ in labels_over_time]
    axes.plot(minutes, [count for _, count in labels_over_time], color=BLUE)
    axes.set(xlabel="minutes after the first", ylabel="labels", ylim=(0, None))


def _draw(plot: Any) -> str:
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 2.8), layout="constrained")
        plot(figure.subplots())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
