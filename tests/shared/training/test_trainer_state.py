"""The trainer's state, field by field: saved, read again, and what a run would be without it."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from shared.domain import LoopError
from shared.language.policy import Policy, import_policy, load_policy, save_policy
from shared.language.reward_model import new_reward_model
from shared.settings import PPOSettings, TaskSettings
from shared.tasks.continuation import Continuation
from shared.tasks.task import Query
from shared.training.ppo_segment import train_segment
from shared.training.trainer_state import COUNTS, TENSORS, TrainerState, load_state, new_state, save_state
from tests.models import STORIES, tiny_model

CPU = torch.device("cpu")
TASK = TaskSettings(query_tokens=12, response_tokens=6, truncate_after=0)
SETTINGS = PPOSettings(episodes=64, batch=8, segment_batches=1, responses_per_query=2, minibatches=2, epochs=2, lr=1e-3)


def step(policy: Policy, ref_policy: Policy, state: TrainerState) -> None:
    """One segment of a batch."""
    queries = [Query(story, policy.tokenizer.encode(story)[:length]) for story in STORIES for length in (5, 8, 12)]
    task = Continuation(training=queries, held_out=queries, context_tokens=12)
    reward_model = new_reward_model(ref_policy, seed=1)
    train_segment(policy, ref_policy, reward_model, task, state, settings=SETTINGS, task_settings=TASK)


def imported() -> Policy:
    return import_policy(str(tiny_model()))


@pytest.fixture(scope="module")
def ref_policy() -> Policy:
    return imported().requires_grad_(False)


@pytest.fixture(scope="module")
def saved(ref_policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tensor]]:
    """The folder of a policy and its trainer after one batch, and the weights of the same run after another one."""
    folder = tmp_path_factory.mktemp("saved")
    policy = imported()
    state = new_state(policy, SETTINGS, device=CPU, seed=1)
    step(policy, ref_policy, state)
    state.reward_version = 3
    save_policy(policy, folder)
    save_state(state, folder)
    step(policy, ref_policy, state)
    return folder, weights(policy)


def weights(policy: Policy) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in policy.parameters()]


def read(folder: Path) -> tuple[Policy, TrainerState]:
    policy = load_policy(folder)
    return policy, load_state(folder, policy, SETTINGS, device=CPU)


def forget_moments(state: TrainerState) -> None:
    for moments in state.optimizer.state.values():
        moments["exp_avg"].zero_()


def reseed_data(state: TrainerState) -> None:
    state.data.manual_seed(7)


def reseed_draw(state: TrainerState) -> None:
    state.draw.manual_seed(7)


def setting(field: str, value: object) -> Callable[[TrainerState], None]:
    return lambda state: setattr(state, field, value)


# What each field is for: with another value, another run; or only another record of how it came about.
DECISIVE: dict[str, Callable[[TrainerState], None]] = {
    "optimizer": forget_moments,
    "episodes": setting("episodes", 32),
    "steps": setting("steps", 0),
    "kl_coef": setting("kl_coef", 5.0),
    "data": reseed_data,
    "draw": reseed_draw,
}
RECORDED: dict[str, Callable[[TrainerState], None]] = {
    "planned": setting("planned", 65),
    "lr": setting("lr", 0.5),
    "reward_version": setting("reward_version", 4),
}


def test_every_field_is_tried() -> None:
    assert {field.name for field in fields(TrainerState)} == {*DECISIVE, *RECORDED}


def test_what_is_read_goes_on_as_if_nothing_had_been(saved: tuple[Path, list[Tensor]], ref_policy: Policy) -> None:
    folder, expected = saved
    policy, state = read(folder)
    step(policy, ref_policy, state)
    for one, two in zip(weights(policy), expected, strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("field", DECISIVE)
def test_without_a_field_the_run_would_be_another(
    saved: tuple[Path, list[Tensor]], ref_policy: Policy, field: str
) -> None:
    folder, expected = saved
    policy, state = read(folder)
    DECISIVE[field](state)
    step(policy, ref_policy, state)
    assert any(not torch.equal(one, two) for one, two in zip(weights(policy), expected, strict=True))


@pytest.mark.parametrize("field", [*DECISIVE, *RECORDED])
def test_every_field_is_in_the_files_and_comes_back(
    saved: tuple[Path, list[Tensor]], tmp_path: Path, field: str
) -> None:
    folder, _ = saved
    policy, state = read(folder)
    save_state(state, tmp_path / "same")
    assert files(tmp_path / "same") == files(folder)
    {**DECISIVE, **RECORDED}[field](state)
    save_state(state, tmp_path / "other")
    assert files(tmp_path / "other") != files(folder)
    if field != "steps":  # which must be those that the optimiser took
        again = load_state(tmp_path / "other", policy, SETTINGS, device=CPU)
        save_state(again, tmp_path / "again")
        assert files(tmp_path / "again") == files(tmp_path / "other")


def files(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in (COUNTS, TENSORS)]


def test_the_schedule_and_the_reward_version_are_those_of_the_run(saved: tuple[Path, list[Tensor]]) -> None:
    _, state = read(saved[0])
    assert (state.planned, state.episodes, state.steps, state.reward_version) == (64, 8, 4, 3)
    assert state.lr == 1e-3  # of the batch that was taken
    counts = json.loads((saved[0] / COUNTS).read_text())
    assert set(counts) == {"episodes", "steps", "kl_coef", "planned", "lr", "reward_version"}


def damaged(folder: Path, into: Path, *, counts: object, tensors: dict[str, Tensor | None]) -> None:
    """A copy in which some counts are others, or the whole is, and some tensors are others, or gone."""
    into.mkdir()
    known = json.loads((folder / COUNTS).read_text())
    (into / COUNTS).write_text(json.dumps({**known, **counts} if isinstance(counts, dict) else counts))
    kept = {**load_file(folder / TENSORS), **tensors}
    save_file({name: tensor for name, tensor in kept.items() if tensor is not None}, into / TENSORS)


def test_a_state_of_before_the_newer_fields_is_read(saved: tuple[Path, list[Tensor]], tmp_path: Path) -> None:
    damaged(saved[0], tmp_path / "old", counts={}, tensors={})
    counts = json.loads((saved[0] / COUNTS).read_text())
    older = {name: counts[name] for name in ("episodes", "steps", "kl_coef")}
    (tmp_path / "old" / COUNTS).write_text(json.dumps(older))
    state = load_state(tmp_path / "old", load_policy(saved[0]), SETTINGS, device=CPU)
    assert (state.episodes, state.planned, state.lr, state.reward_version) == (8, 64, 1e-3, None)


@pytest.mark.parametrize(
    ("counts", "tensors", "named"),
    [
        ({"episodes": None}, {}, "episodes is None"),
        ({"kl_coef": "much"}, {}, "kl_coef is 'much'"),
        ({"steps": 5}, {}, "was moved 4 times, and steps says 5"),
        ({"reward_version": -1}, {}, "reward_version is -1"),
        ([1], {}, "trainer.json holds no object"),
        ({}, {"draw": None}, "generator 'draw' is missing"),
        ({}, {"draw": torch.zeros(16, dtype=torch.uint8)}, "generator 'draw' is not one of cpu .* model.device"),
        ({}, {"exp_avg_sq.0": None}, r"exp_avg_sq of model\.\S+ has shape none"),
        ({}, {"exp_avg.0": torch.zeros(3)}, r"exp_avg of model\.\S+ has shape \(3,\), and should have \(301, 32\)"),
        ({}, {"step.99": torch.tensor(4.0)}, "moments of parameter 99, and the policy has"),
    ],
)
def test_what_does_not_fit_is_named(
    saved: tuple[Path, list[Tensor]], tmp_path: Path, counts: object, tensors: dict[str, Tensor | None], named: str
) -> None:
    damaged(saved[0], tmp_path / "damaged", counts=counts, tensors=tensors)
    with pytest.raises(LoopError, match=named):
        load_state(tmp_path / "damaged", load_policy(saved[0]), SETTINGS, device=CPU)


def test_a_state_of_another_model_is_named(saved: tuple[Path, list[Tensor]]) -> None:
    with pytest.raises(LoopError, match=r"does not fit: .* go on with the model and the settings it was made with"):
        load_state(saved[0], import_policy(str(tiny_model("llama"))), SETTINGS, device=CPU)
