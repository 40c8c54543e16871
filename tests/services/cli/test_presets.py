"""Every figure of the table of tasks: paper and released code, task by task, as `prefloop config` resolves them."""

import tomllib
from typing import Any, get_args

import pytest

from services.cli.commands.options import PRESETS
from services.cli.configure import FAMILIES, Options, preset_settings, settings_for
from services.cli.describe import describe
from shared import plan
from shared.domain import LoopError, Schedule, TaskName
from shared.settings import Settings
from shared.tasks import cnndm, tldr
from shared.tasks.registry import TASKS

ALL: tuple[TaskName, ...] = get_args(TaskName)
# query tokens, response tokens, temperature, truncate token, from index
STYLE = (64, 24, 0.7, ".", 16)
SHAPES: dict[TaskName, tuple[int, int, float, str, int]] = {
    "sentiment": STYLE,
    "descriptiveness": STYLE,
    "tldr": (500, 75, 0.7, "\n", 55),
    "cnndm": (500, 75, 0.5, "\n", 55),
}
# reward batch, reward lr, PPO batch, PPO lr, episodes, kl_coef, kl_target
FIGURES: dict[tuple[str, TaskName], tuple[int, float, int, float, int, float, float | None]] = {
    ("released", "sentiment"): (32, 5e-5, 512, 1e-5, 1_000_000, 0.15, 6.0),
    ("released", "descriptiveness"): (32, 5e-5, 512, 1e-5, 1_000_000, 0.15, 6.0),
    ("released", "tldr"): (16, 2.5e-5, 32, 2e-6, 1_000_000, 0.03, None),
    ("released", "cnndm"): (16, 2.5e-5, 32, 2e-6, 1_000_000, 0.01, None),
    ("paper", "sentiment"): (8, 1.77e-5, 1024, 1.41e-5, 2_000_000, 0.15, 10.0),
    ("paper", "descriptiveness"): (8, 1.77e-5, 1024, 1.41e-5, 2_000_000, 0.15, 6.0),
    ("paper", "tldr"): (32, 1.77e-5, 512, 7.07e-6, 2_000_000, 0.03, None),
    ("paper", "cnndm"): (32, 1.77e-5, 512, 7.07e-6, 2_000_000, 0.1, None),
}
COMMON = {
    "epochs": 4, "minibatches": 1, "cliprange": 0.2, "cliprange_value": 0.2, "vf_coef": 0.1, "gamma": 1.0, "lam": 0.95,
    "kl_horizon": 10_000, "invalid_score": -1.0, "responses_per_query": 1,
}  # fmt: skip
EITHER = [(name, task) for name in ("paper", "released") for task in ALL]


def printed(*, preset: str, task: TaskName) -> Any:
    return tomllib.loads(describe(settings_for(None, Options(preset=preset, task=task))))


@pytest.mark.parametrize(("preset", "task"), EITHER)
def test_the_table_of_tasks(preset: str, task: TaskName) -> None:
    found = printed(preset=preset, task=task)
    asked, reward, ppo = found["task"], found["reward"], found["ppo"]
    assert asked["name"] == task
    assert asked["responses"] == 4
    shape = ("query_tokens", "response_tokens", "temperature", "truncate_token", "truncate_after")
    assert tuple(asked[key] for key in shape) == SHAPES[task]
    kl_target = None if ppo["kl_target"] == "none" else ppo["kl_target"]
    learned = (reward["batch"], reward["lr"], ppo["batch"], ppo["lr"], ppo["episodes"], ppo["kl_coef"], kl_target)
    assert learned == FIGURES[preset, task]
    assert ppo["whiten_rewards"] == (FAMILIES[task] == "style")
    assert {key: ppo[key] for key in COMMON} == COMMON
    assert reward["normalize_samples"] == 256
    assert found["model"]["ref_policy"] == {"paper": "gpt2-large", "released": "gpt2"}[preset]


def test_prefixes_and_suffixes() -> None:
    assert (tldr.FORM.prefix, tldr.FORM.suffix) == ("", "\n\nTL;DR:")
    assert (cnndm.FORM.prefix, cnndm.FORM.suffix) == ("Article:\n\n", "\n\nTL;DR:")


@pytest.mark.parametrize(("preset", "task"), EITHER)
def test_online_r_is_trained_twenty_times_at_twentieths_of_the_papers_budget(preset: str, task: TaskName) -> None:
    settings = settings_for(None, Options(preset=preset, task=task, schedule="online"))
    labels = settings.labels
    assert (labels.retrainings, labels.overlap_share, labels.overlap, labels.evaluation_share) == (20, 0.05, 5, 0.05)
    if preset == "paper":
        assert labels.budget == {"style": 5_000, "summaries": 60_000}[FAMILIES[task]]
        assert plan.thresholds(settings) == tuple(k * labels.budget // 20 for k in range(1, 21))


def test_schedules() -> None:
    online = [key for key in EITHER if preset_settings(*key).schedule is Schedule.ONLINE]
    assert online == [("paper", "tldr"), ("paper", "cnndm")]
    for preset, task in EITHER:
        if (preset, task) not in online:
            settings = preset_settings(preset, task)
            assert plan.thresholds(settings) == (settings.labels.budget,)


def test_every_task_has_a_name_a_family_and_a_loader() -> None:
    assert set(ALL) == set(FAMILIES) == set(TASKS)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("task", ALL)
def test_presets_hold_together(preset: str, task: TaskName) -> None:
    assert settings_for(None, Options(preset=preset, task=task)) == preset_settings(preset, task)


def test_the_demo_is_the_default() -> None:
    assert settings_for(None, Options(preset="demo")) == settings_for(None, Options())
    assert settings_for(None, Options(task="descriptiveness")).task == Settings().task.model_copy(
        update={"name": "descriptiveness"}
    )


def test_the_demo_asks_other_tasks_as_they_are_asked() -> None:
    settings = settings_for(None, Options(task="cnndm"))
    assert (settings.task.query_tokens, settings.task.temperature, settings.task.truncate_token) == (500, 0.5, "\n")
    assert (settings.ppo.whiten_rewards, settings.ppo.kl_target) == (False, None)
    assert settings.ppo.batch == Settings().ppo.batch


def test_a_preset_goes_with_the_task_it_was_taken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLOOP_TASK__NAME", "tldr")
    assert settings_for(None, Options(preset="paper", task="cnndm")).task.name == "cnndm"
    with pytest.raises(LoopError, match=r"name is tldr, but preset paper was taken for sentiment: say --task tldr"):
        settings_for(None, Options(preset="paper"))
