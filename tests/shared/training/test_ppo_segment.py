"""One PPO batch on real tiny models: where it starts, and that its short cuts change nothing."""

import math
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from shared.domain import LoopError
from shared.language.policy import Policy, import_policy
from shared.language.reward_model import RewardModel, new_reward_model
from shared.settings import PPOSettings, TaskSettings
from shared.tasks.continuation import Continuation
from shared.tasks.task import Query
from shared.training import ppo_segment
from shared.training.ppo_segment import BatchStats, train_segment
from shared.training.rollout import Rollout, rollout
from shared.training.trainer_state import new_state
from tests.models import STORIES, tiny_model

CPU = torch.device("cpu")
TASK = TaskSettings(query_tokens=12, response_tokens=6, truncate_after=0, temperature=1.0)
SETTINGS = PPOSettings(episodes=1600, batch=16, segment_batches=1, responses_per_query=4, epochs=3, lr=1e-3)


@pytest.fixture(params=["gpt2", "llama"])
def folder(request: pytest.FixtureRequest) -> str:
    return str(tiny_model(str(request.param)))


def parts(policy: Policy, folder: str) -> tuple[Policy, RewardModel, Continuation]:
    """ρ, r and the task beside a policy."""
    ref_policy = import_policy(folder).requires_grad_(False)
    queries = [Query(story, policy.tokenizer.encode(story)[:length]) for story in STORIES for length in (5, 8, 12)]
    task = Continuation(training=queries, held_out=queries, context_tokens=12)
    return ref_policy, new_reward_model(ref_policy, seed=1), task


def train(policy: Policy, folder: str, **settings: Any) -> BatchStats:
    ref_policy, reward_model, task = parts(policy, folder)
    changed = SETTINGS.model_copy(update=settings)
    state = new_state(policy, changed, device=CPU, seed=1)
    [stats] = train_segment(policy, ref_policy, reward_model, task, state, settings=changed, task_settings=TASK)
    return stats


def weights(policy: Policy) -> list[Tensor]:
    return [parameter.detach() for parameter in policy.parameters()]


@pytest.mark.parametrize("responses", [1, 4])
def test_at_update_0_the_ratio_is_1_and_kl_0(folder: str, responses: int) -> None:
    stats = train(import_policy(folder), folder, responses_per_query=responses, epochs=1)
    assert stats.kl == pytest.approx(0.0, abs=1e-5)
    assert stats.approxkl == 0.0  # of the first epoch alone: exactly the numbers of the rollout
    assert stats.clipfrac == 0.0
    assert stats.reward == pytest.approx(stats.score, abs=1e-5)  # no KL to pay for yet


def test_figures_of_a_batch_by_hand(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch: the figures are those of the rollout's own numbers, before any step."""
    seen: list[Rollout] = []

    def watched(*a: Any, **k: Any) -> Rollout:
        seen.append(rollout(*a, **k))
        return seen[-1]

    monkeypatch.setattr(ppo_segment, "rollout", watched)
    stats = train(import_policy(folder), folder, epochs=1, whiten_rewards=False, gamma=1.0, lam=1.0)
    [episode] = seen
    surprises = [-sum(row) for row in episode.logprobs.flatten(0, 1).tolist()]
    assert stats.entropy == pytest.approx(sum(surprises) / len(surprises), rel=1e-5)
    assert 0 < stats.entropy < TASK.response_tokens * math.log(300)  # at most that of 6 tokens of a vocabulary of 300
    assert stats.ratio == 1.0
    assert stats.value_clipfrac == 0.0  # the values are the old ones
    assert stats.var_explained == pytest.approx(0.0, abs=1e-5)  # the value head is all zeros: a constant


def test_figures_of_later_epochs_tell_of_moving(folder: str) -> None:
    stats = train(import_policy(folder), folder, epochs=4, lr=2e-2)
    assert stats.value_clipfrac > 0.0
    assert stats.ratio != 1.0
    assert stats.var_explained != 0.0


def test_a_segment_leaves_the_global_generators_alone(folder: str) -> None:
    """So that the two generators of the trainer's state are all there are."""
    torch.manual_seed(1)
    policy = import_policy(folder)
    ref_policy, reward_model, task = parts(policy, folder)
    state = new_state(policy, SETTINGS, device=CPU, seed=1)
    before = torch.get_rng_state(), random.getstate(), repr(np.random.get_state())
    changed = SETTINGS.model_copy(update={"minibatches": 2})
    train_segment(policy, ref_policy, reward_model, task, state, settings=changed, task_settings=TASK)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), repr(np.random.get_state()))


def test_the_rollouts_graph_trains_as_another_forward_pass_would(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, again = import_policy(folder), import_policy(folder)
    train(policy, folder)
    monkeypatch.setattr(ppo_segment, "rollout", lambda *a, **k: rollout(*a, **{**k, "graph": False}))
    train(again, folder)
    assert any(
        not torch.equal(one, two) for one, two in zip(weights(policy), weights(import_policy(folder)), strict=True)
    )
    for one, two in zip(weights(policy), weights(again), strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


def test_minibatches_keep_the_responses_of_a_query_together(folder: str) -> None:
    stats = train(import_policy(folder), folder, minibatches=2, epochs=2)
    assert stats.approxkl > 0.0  # the second minibatch meets a policy that has moved


def test_a_policy_that_is_not_its_reference_is_refused_at_the_start(folder: str) -> None:
    policy = import_policy(folder)
    with torch.no_grad():
        policy.model.get_output_embeddings().weight.add_(torch.randn(1, 32))
        policy.model.get_output_embeddings().weight.mul_(1.5)
    with pytest.raises(LoopError, match="KL between policy and ref_policy before the first update"):
        train(policy, folder)


def test_divergence_is_named_before_it_does_harm(folder: str) -> None:
    with pytest.raises(LoopError, match=r"PPO diverged at episode 0: .* lower ppo\.lr"):
        train(import_policy(folder), folder, lr=1e38)


def test_a_first_minibatch_that_is_not_what_was_rolled_out_is_refused(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no graph is kept, the pass that trains is another one: it must give the same numbers."""
    policy = import_policy(folder)

    def moved(*a: Any, **k: Any) -> Any:
        episode = rollout(*a, **k)
        with torch.no_grad():
            policy.model.get_output_embeddings().weight.mul_(1.5)
        return episode

    monkeypatch.setattr(ppo_segment, "rollout", moved)
    with pytest.raises(LoopError, match="first minibatch's ratio"):
        train(policy, folder, minibatches=2)
