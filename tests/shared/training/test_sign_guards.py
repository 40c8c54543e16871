"""Guards against a flipped sign, which neither loss nor KL would show (algorithm.md, What went wrong for others, 1).

All of them run the functions that the services run, on real tiny models; only scores are put in by hand.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from shared.algorithms.kl import token_rewards
from shared.domain import LabeledQuery
from shared.language.policy import Policy, import_policy
from shared.language.reward_model import new_reward_model
from shared.settings import PPOSettings, RewardSettings, TaskSettings
from shared.tasks.continuation import Continuation
from shared.tasks.task import Query
from shared.training import ppo_segment
from shared.training.ppo_segment import BatchStats, train_segment
from shared.training.reward_training import score_labels, train_reward
from shared.training.rollout import Rollout, rollout
from shared.training.trainer_state import new_state
from tests.models import STORIES, tiny_model

CPU = torch.device("cpu")
ROWS = 8
TASK = TaskSettings(query_tokens=12, response_tokens=6, truncate_after=0, temperature=1.0)
Scores = Callable[[Rollout], Tensor]


@pytest.fixture(params=["gpt2", "llama"])
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def reference(architecture: str) -> Policy:
    return import_policy(str(tiny_model(architecture))).requires_grad_(False)


def task(policy: Policy) -> Continuation:
    queries = [Query(story, policy.tokenizer.encode(story)[:length]) for story in STORIES for length in (5, 8, 12)]
    return Continuation(training=queries, held_out=queries, context_tokens=32)


@pytest.mark.parametrize("best", range(4))
def test_one_reward_step_raises_the_chosen_response_above_the_others(architecture: str, best: int) -> None:
    ref_policy = reference(architecture)
    answers = tuple(ref_policy.tokenizer.encode(story)[-6:] for story in STORIES[:4])
    query = task(ref_policy).query(0)[1]
    label = LabeledQuery(position=0, tokens=query, responses=answers, best=best, label_id=1, policy_version=0)

    def margin(lr: float) -> float:
        """By how much the chosen response scores above the mean of the others after one step."""
        trained = train_reward(
            ref_policy,
            [label],
            task(ref_policy),
            version=1,
            settings=RewardSettings(batch=1, lr=lr, normalize_samples=16),
            task_settings=TASK,
            held_out=0.0,
            seed=1,
        )
        assert len(trained.losses) == 1
        scores = score_labels(trained.model, [label], TASK)[0]
        return (scores[best] - (scores.sum() - scores[best]) / 3).item()

    assert margin(lr=1e-3) > margin(lr=1e-12) + 0.01


def one_ppo_batch(
    monkeypatch: pytest.MonkeyPatch, policy: Policy, ref_policy: Policy, scores: Scores, *, kl_coef: float
) -> tuple[Rollout, BatchStats]:
    """Train `policy` on one batch whose scores are given; return the batch as sampled, and its figures."""
    sampled: list[Rollout] = []

    def rigged(*args: object, **kwargs: object) -> Rollout:
        episode = rollout(*args, **kwargs)  # type: ignore[arg-type]
        sampled.append(replace(episode, score=scores(episode).view_as(episode.score)))
        return sampled[-1]

    monkeypatch.setattr(ppo_segment, "rollout", rigged)
    settings = PPOSettings(
        episodes=1000 * ROWS, batch=ROWS, segment_batches=1, epochs=2, lr=1e-3, kl_coef=kl_coef, kl_target=None
    )
    state = new_state(policy, settings, device=CPU, seed=1)
    state.episodes = ROWS  # not the very start, where a policy away from ρ would be an error
    reward_model = new_reward_model(ref_policy, seed=1)
    stats = train_segment(
        policy, ref_policy, reward_model, task(policy), state, settings=settings, task_settings=TASK
    )  # fmt: skip
    return replace(sampled[0], logprobs=sampled[0].logprobs.detach()), stats[0]


@torch.no_grad()
def logprobs(policy: Policy, episode: Rollout) -> Tensor:
    return policy.logprobs(episode.queries.context, episode.queries.context_mask, episode.response, 1.0)[0]


@pytest.mark.parametrize("favourite", [0, 5])
def test_a_ppo_step_makes_a_response_with_a_higher_score_likelier(
    monkeypatch: pytest.MonkeyPatch, architecture: str, favourite: int
) -> None:
    policy = import_policy(str(tiny_model(architecture)))
    scores = torch.eye(ROWS)[favourite]
    episode, _ = one_ppo_batch(monkeypatch, policy, reference(architecture), lambda _: scores, kl_coef=0.0)
    gained = (logprobs(policy, episode) - episode.logprobs).sum(-1).flatten()
    assert gained[favourite] > 0.05
    assert gained[favourite] == gained.max()


def moved(architecture: str) -> Policy:
    """A policy that has learnt the tiny stories by heart a little, and so has left ρ."""
    policy = import_policy(str(tiny_model(architecture)))
    optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
    ids = torch.tensor([policy.tokenizer.encode(story)[:20] for story in STORIES])
    for _ in range(10):
        said, _ = policy.logprobs(ids[:, :1], torch.ones_like(ids[:, :1], dtype=torch.bool), ids[:, None, 1:], 1.0)
        loss = -said.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return policy


def test_what_the_policy_makes_likelier_than_the_reference_costs_reward(
    monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    policy, ref_policy = moved(architecture), reference(architecture)
    episode, stats = one_ppo_batch(monkeypatch, policy, ref_policy, lambda e: torch.ones_like(e.score), kl_coef=0.5)
    assert stats.kl > 0.5
    assert stats.score == 1.0
    assert stats.reward == pytest.approx(1.0 - 0.5 * stats.kl, abs=1e-4)
    likelier = episode.logprobs.sum(-1) > episode.ref_logprobs.sum(-1)
    assert likelier.any()
    rewards = token_rewards(episode.score, episode.logprobs, episode.ref_logprobs, 0.5).sum(-1)
    assert (rewards[likelier] < episode.score[likelier]).all()


def test_with_nothing_but_the_kl_cost_a_ppo_step_leads_back_to_the_reference(
    monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    policy, ref_policy = moved(architecture), reference(architecture)
    episode, _ = one_ppo_batch(monkeypatch, policy, ref_policy, lambda e: torch.zeros_like(e.score), kl_coef=1.0)
    further = episode.logprobs.sum(-1) - episode.ref_logprobs.sum(-1)
    change = (logprobs(policy, episode) - episode.logprobs).sum(-1)
    # the responses that cost most become less likely than those that cost least
    costly = further > further.median()
    assert change[costly].mean() < change[~costly].mean()
