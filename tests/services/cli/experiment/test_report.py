"""The report from made-up runs: its figures by hand, its page with what models and errors say."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.experiment import report
from services.cli.experiment.grid import Grid, Run, runs
from services.cli.experiment.result import Point, Result, Training, file_of, finished, save
from shared.domain import RewardStatus
from shared.settings import Settings

GRID = Grid(counts=(80,), seeds=(1, 2), queries=8, responses=1)
ENDS = {  # known reward at 4 nats, where every run starts at 0.1
    "known-seed1": 0.5,
    "known-seed2": 0.6,
    "offline-80-seed1": 0.3,
    "offline-80-seed2": 0.3,
    "online-80-seed1": 0.4,
    "online-80-seed2": 0.5,
}


def result(run: Run, *, accuracy: float = 0.5) -> Result:
    start = Point(episodes=0, labels=0, known_reward=0.1, kl=0.0)
    end = Point(episodes=64, labels=run.labels or 0, known_reward=ENDS[run.name], kl=4.0)
    rejected = RewardStatus.REJECTED
    trainings = [
        Training(version=1, labels=80, held_out=12, accuracy=accuracy, status=RewardStatus.PUBLISHED, reason=""),
        Training(version=2, labels=80, held_out=12, accuracy=0.1, status=rejected, reason="below chance"),
    ]
    return Result(
        reward=run.reward,
        labels=run.labels,
        seed=run.seed,
        condition=run.condition,
        settings=run.decisive(),
        queries=GRID.queries,
        responses=GRID.responses,
        curve=(start, end),
        trainings=tuple(trainings) if run.labels else (),
        seconds=61.0,
    )


RUNS = runs(GRID, Settings())
RESULTS = [result(run) for run in RUNS]


def figures(results: list[Result] = RESULTS, failed: dict[Run, str] | None = None) -> dict[str, Any]:
    return report.figures(results, failed or {}, GRID, Settings())


def test_figures_by_hand() -> None:
    found = figures()
    known, offline, online = found["conditions"]
    assert [c["condition"] for c in (known, offline, online)] == [
        "known reward",
        "80 labels, offline",
        "80 labels, online",
    ]
    assert known["gain"]["mean"] == pytest.approx(0.45)
    assert known["share_of_known_gain"]["mean"] is None
    assert offline["share_of_known_gain"]["values"] == pytest.approx([0.2 / 0.4, 0.2 / 0.5])
    assert online["share_of_known_gain"]["mean"] == pytest.approx((0.3 / 0.4 + 0.4 / 0.5) / 2)
    assert online["accuracy"]["mean"] == 0.5  # of the one that was published
    [apart] = found["online_over_offline"]
    assert apart["labels"] == 80
    assert apart["known_reward"]["values"] == pytest.approx([0.1, 0.2])
    assert apart["share_of_known_gain"]["values"] == pytest.approx([0.25, 0.4])


def test_the_page_tells_of_what_is_missing_and_escapes_it(tmp_path: Path) -> None:
    failed = next(run for run in RUNS if run.name == "known-seed2")
    rest = [found for found in RESULTS if (found.reward, found.seed) != ("known", 2)]
    found = figures(rest, {failed: "<b>PPO</b> diverged"})
    page = report.write(tmp_path, found, rest).read_text()
    assert "Missing: known reward, seed 2" in page
    assert "&lt;b&gt;PPO&lt;/b&gt; diverged" in page
    shares = {(r["condition"], r["seed"]): r["share_of_known_gain"] for r in found["runs"]}
    assert shares["80 labels, online", 1] == pytest.approx(0.75)
    assert shares["80 labels, online", 2] is None  # no known reward of its seed to stand beside
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(found))


def test_without_any_run_there_is_a_page_all_the_same(tmp_path: Path) -> None:
    assert "<svg" not in report.write(tmp_path, figures([]), []).read_text()


def test_a_result_is_taken_again_only_for_equal_settings_and_measurements(tmp_path: Path) -> None:
    run, found = RUNS[0], RESULTS[0]
    assert finished(run, GRID, tmp_path) is None
    save(found, file_of(run, tmp_path))
    assert finished(run, GRID, tmp_path) == found
    assert finished(run, GRID.model_copy(update={"queries": 9}), tmp_path) is None
    [other] = [other for other in runs(GRID, Settings(ppo=Settings().ppo.model_copy(update={"lr": 1e-3})))
               if other.name == run.name]  # fmt: skip
    assert finished(other, GRID, tmp_path) is None
    file_of(run, tmp_path).write_text("{}")
    assert finished(run, GRID, tmp_path) is None
