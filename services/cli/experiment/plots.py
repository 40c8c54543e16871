"""The experiment's curves: the mean over seeds, each seed as a thin line beside it."""

import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import matplotlib
from matplotlib.figure import Figure

from services.cli.experiment.compare import mean_interval
from services.cli.experiment.result import Point, Result
from services.cli.plots import GREY, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["Axes", Sequence[Result]], None]
SHADES = {"offline": "Blues", "online": "Oranges"}
LEARNED: tuple[Literal["offline", "online"], ...] = ("offline", "online")


def all_plots(results: Sequence[Result]) -> dict[str, str]:
    """SVG by title; nothing without results."""
    if not results:
        return {}
    found = {
        "Known reward against KL of π from ρ, from segment to segment": _svg(_reward_over_kl, results, (7.5, 4.6)),
        "Known reward in training; the shades reach from the lowest to the highest seed": _svg(
            _reward_over_episodes, results, (7.5, 4.6)
        ),
    }
    if any(result.labels is not None for result in results):
        found["Known reward at the end, by labels, with 95 % intervals over seeds"] = _svg(
            _reward_over_labels, results, (7.5, 4.0)
        )
    return found


def reward_over_kl_png(results: Sequence[Result]) -> bytes:
    return _draw(_reward_over_kl, results, (7.5, 4.6), "png")


def _reward_over_kl(axes: "Axes", results: Sequence[Result]) -> None:
    for label, color, group in _conditions(results):
        for result in group:
            axes.plot(
                [p.kl for p in result.curve], [p.known_reward for p in result.curve], color=color, lw=0.6, alpha=0.5
            )
        steps = _steps(group)
        x, y = [_mean(p.kl for p in step) for step in steps], [_mean(p.known_reward for p in step) for step in steps]
        axes.plot(x, y, color=color, lw=2, label=label)
        axes.plot(x[-1:], y[-1:], color=color, marker="o", markersize=5)
    axes.set(xlabel="KL(π, ρ), nats a response", ylabel="known reward")
    axes.legend(frameon=False, fontsize=8)


def _reward_over_episodes(axes: "Axes", results: Sequence[Result]) -> None:
    for label, color, group in _conditions(results):
        steps = _steps(group)
        x = [step[0].episodes for step in steps]
        rewards = [[p.known_reward for p in step] for step in steps]
        axes.plot(x, [_mean(values) for values in rewards], color=color, lw=2, label=label)
        axes.fill_between(x, [*map(min, rewards)], [*map(max, rewards)], color=color, alpha=0.12, lw=0)
    axes.set(xlabel="episodes", ylabel="known reward")
    axes.legend(frameon=False, fontsize=8)


def _reward_over_labels(axes: "Axes", results: Sequence[Result]) -> None:
    """Counts stand evenly: each is several times the one before. Schedules stand a little apart, to be told apart."""
    counts = sorted({result.labels for result in results if result.labels is not None})
    for aside, reward in zip((-0.06, 0.06), LEARNED, strict=True):
        color = matplotlib.colormaps[SHADES[reward]](0.75)
        for place, count in enumerate(counts):
            ends = [r.curve[-1].known_reward for r in results if (r.reward, r.labels) == (reward, count)]
            mean, interval = mean_interval(ends)
            if mean is None:
                continue
            axes.plot([place + aside] * len(ends), ends, color=color, marker=".", ls="", alpha=0.5)
            half = 0.0 if interval is None else interval[1] - mean
            named = reward if place == 0 else None
            axes.errorbar([place + aside], [mean], yerr=[half], color=color, marker="o", capsize=3, label=named)
    for (name, level), style in zip(_levels(results).items(), (":", "--"), strict=False):
        axes.axhline(level, color=GREY, ls=style, lw=1.2, label=name)
    axes.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
    axes.set(xlabel="labels", ylabel="known reward at the end")
    axes.legend(frameon=False, fontsize=8)


def _levels(results: Sequence[Result]) -> dict[str, float]:
    levels = {"ρ": _mean(result.curve[0].known_reward for result in results)}
    if known := [result.curve[-1].known_reward for result in results if result.reward == "known"]:
        levels["known reward"] = _mean(known)
    return levels


def _conditions(results: Sequence[Result]) -> Iterable[tuple[str, Any, list[Result]]]:
    """Each condition with its colour and its runs: the known reward black, the others darker with more labels."""
    if known := [result for result in results if result.reward == "known"]:
        yield known[0].condition, "black", known
    counts = sorted({result.labels for result in results if result.labels is not None})
    for reward in LEARNED:
        for place, count in enumerate(counts):
            if group := [result for result in results if (result.reward, result.labels) == (reward, count)]:
                shade = 0.9 if len(counts) == 1 else 0.4 + 0.5 * place / (len(counts) - 1)
                yield group[0].condition, matplotlib.colormaps[SHADES[reward]](shade), group


def _steps(group: Sequence[Result]) -> list[tuple[Point, ...]]:
    """The points of all seeds after equally many episodes."""
    return list(zip(*(result.curve for result in group), strict=True))


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


def _svg(draw: Draw, results: Sequence[Result], size: tuple[float, float]) -> str:
    text = _draw(draw, results, size, "svg").decode()
    return text[text.index("<svg") :]


def _draw(draw: Draw, results: Sequence[Result], size: tuple[float, float], form: Literal["svg", "png"]) -> bytes:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained", dpi=150)
        draw(figure.subplots(), results)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata={"Date": None} if form == "svg" else None)
    return out.getvalue()
