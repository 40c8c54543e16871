"""One PPO segment: N batches with one pinned reward model (algorithm.md, PPO)."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from shared.algorithms.adam import linear_decay, set_tf_adam_eps
from shared.algorithms.gae import gae
from shared.algorithms.kl import next_kl_coef, token_rewards
from shared.algorithms.ppo import PPOLoss, ppo_loss
from shared.algorithms.whiten import whiten
from shared.domain import LoopError
from shared.language.policy import Policy
from shared.settings import PPOSettings, TaskSettings
from shared.tasks.task import Task
from shared.training import batches
from shared.training.batches import Queries
from shared.training.rollout import Rollout, Scorer, rollout
from shared.training.trainer_state import TrainerState

# Tolerances, in nats, where the same numbers come by another order of arithmetic.
EXACT = 1e-3  # float32: about 1e-5
HALF = 0.05  # a trunk in bfloat16: about 0.005


@dataclass(frozen=True, slots=True)
class BatchStats:
    """Means over one batch, of what the losses say over its minibatches too.

    kl: nats a response. entropy: nats a response, mean over responses of -sum over tokens of log π, which estimates
    H(π) at the task's temperature from what was sampled (TRL's `objective/entropy`; no sum over the vocabulary).
    valid: share of responses that end properly. clipfrac, value_clipfrac, approxkl, ratio, var_explained: see PPOLoss.
    seconds: of wall time.
    """

    score: float
    reward: float
    kl: float
    entropy: float
    kl_coef: float
    valid: float
    policy_loss: float
    value_loss: float
    clipfrac: float
    value_clipfrac: float
    approxkl: float
    ratio: float
    var_explained: float
    lr: float
    seconds: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def train_segment(
    policy: Policy,
    ref_policy: Policy,
    reward_model: Scorer,
    task: Task,
    state: TrainerState,
    *,
    settings: PPOSettings,
    task_settings: TaskSettings,
    on_batch: Callable[[int, BatchStats], None] = lambda *_: None,
) -> list[BatchStats]:
    """Move `policy` and `state` in place by up to `segment_batches` batches; never beyond the planned episodes.

    `on_batch(episodes, stats)` is called after each batch. Raises LoopError where the first batch's logprobs are not
    those that were sampled by, or KL is not 0 at the very start: sampling, training and reference would then not be the
    same model.
    """
    done: list[BatchStats] = []
    for _ in range(settings.segment_batches):
        if state.episodes >= settings.episodes:
            break
        start = time.perf_counter()
        episode = rollout(
            policy,
            ref_policy,
            reward_model,
            _draw_queries(policy, task, state, settings, task_settings),
            responses=settings.responses_per_query,
            task=task_settings,
            invalid_score=settings.invalid_score,
            draw=state.draw,
            graph=settings.minibatches == 1,
        )
        if not episode.score.isfinite().all():
            raise LoopError(
                f"reward {state.reward_version} gives scores that are no finite numbers at episode {state.episodes}: "
                "roll back to an earlier pair of reward and policy, or retrain"
            )
        if not done:
            _check(policy, episode, state)
        state.planned = settings.episodes
        state.lr = lr = linear_decay(settings.lr, done=state.episodes, total=settings.episodes)
        losses, reward = _learn(
            policy, episode, state, lr=lr, settings=settings, temperature=task_settings.temperature, check=not done
        )
        kl = episode.kl.mean().item()
        stats = _stats(
            episode, losses, reward=reward, kl_coef=state.kl_coef, lr=lr, seconds=time.perf_counter() - start
        )
        weights = torch.nn.utils.get_total_norm(policy.parameters()).item()
        if not all(map(math.isfinite, [weights, *stats.as_dict().values()])):
            raise LoopError(f"PPO diverged at episode {state.episodes}: {stats}; lower ppo.lr or roll back")
        if settings.kl_target is not None:
            state.kl_coef = next_kl_coef(
                state.kl_coef, kl=kl, target=settings.kl_target, batch=settings.batch, horizon=settings.kl_horizon
            )
        state.episodes += settings.batch
        done.append(stats)
        on_batch(state.episodes, stats)
    return done


def _draw_queries(
    policy: Policy, task: Task, state: TrainerState, settings: PPOSettings, task_settings: TaskSettings
) -> Queries:
    """The queries of the next batch."""
    count = settings.batch // settings.responses_per_query
    picks = torch.randint(2**31 - 1, (count,), generator=state.data).tolist()
    return batches.with_context(
        [task.query(pick)[1] for pick in picks],
        task,
        task_settings,
        pad_id=policy.tokenizer.pad_id,
        device=policy.device,
    )


def _learn(
    policy: Policy,
    episode: Rollout,
    state: TrainerState,
    *,
    lr: float,
    settings: PPOSettings,
    temperature: float,
    check: bool,
) -> tuple[list[PPOLoss], float]:
    """All epochs over one batch; the losses of each minibatch and the mean summed reward of an episode.

    The first epoch's forward pass is the rollout's, where one minibatch holds the whole batch.
    """
    old_logprobs, old_values = episode.logprobs.detach(), episode.values.detach()  # (B, N, T)
    rewards = token_rewards(episode.score, old_logprobs, episode.ref_logprobs, state.kl_coef)
    reward = rewards.sum(-1).mean().item()
    rewards = rewards.flatten(0, 1)  # (B * N, T): an episode a row
    if settings.whiten_rewards:
        rewards = whiten(rewards, keep_mean=True)
    advantages, returns = gae(rewards, old_values.flatten(0, 1), gamma=settings.gamma, lam=settings.lam)
    advantages = whiten(advantages, keep_mean=False).view_as(old_logprobs)
    returns = returns.view_as(old_logprobs)
    losses: list[PPOLoss] = []
    for rows in _minibatches(state, settings):
        if not losses and episode.logprobs.requires_grad:
            logprobs, values = episode.logprobs, episode.values
        else:
            context, mask = episode.queries.context[rows], episode.queries.context_mask[rows]
            logprobs, values = policy.logprobs(context, mask, episode.response[rows], temperature)
        loss = ppo_loss(
            logprobs,
            values,
            old_logprobs=old_logprobs[rows],
            old_values=old_values[rows],
            advantages=advantages[rows],
            returns=returns[rows],
            cliprange=settings.cliprange,
            cliprange_value=settings.cliprange_value,
            vf_coef=settings.vf_coef,
        )
        if check and not losses:
            _require(abs(loss.ratio_mean.item() - 1.0), EXACT, "distance of the first minibatch's ratio from 1")
        state.steps += 1
        for group in state.optimizer.param_groups:
            group["lr"] = lr
        set_tf_adam_eps(state.optimizer, state.steps)
        state.optimizer.zero_grad()
        loss.loss.backward()
        state.optimizer.step()
        losses.append(loss)
    return losses, reward


def _minibatches(state: TrainerState, settings: PPOSettings) -> Iterator[Tensor | slice]:
    """Rows of queries, all responses of one together."""
    for _ in range(settings.epochs):
        if settings.minibatches == 1:
            yield slice(None)  # of the whole batch the order does not matter
            continue
        queries = settings.batch // settings.responses_per_query
        yield from torch.randperm(queries, generator=state.data).split(queries // settings.minibatches)


def _check(policy: Policy, episode: Rollout, state: TrainerState) -> None:
    """Sampling, training and reference are the same model, as far as arithmetic allows."""
    if state.episodes == 0:
        _require(episode.kl.abs().max().item(), EXACT, "KL between policy and ref_policy before the first update")
    apart = (episode.logprobs.detach() - episode.drawn_logprobs).abs().mean().item()
    _require(apart, HALF if policy.autocast else EXACT, "mean distance of training's logprobs from sampling's")


def _require(value: float, tolerance: float, what: str) -> None:
    if not value <= tolerance:
        raise LoopError(f"{what} is {value:.6f}, not 0: the forward pass that trains is not the one that sampled")


def _stats(
    episode: Rollout, losses: list[PPOLoss], *, reward: float, kl_coef: float, lr: float, seconds: float
) -> BatchStats:
    def mean(name: str) -> float:
        values: list[float] = [getattr(loss, name).item() for loss in losses]
        return sum(values) / len(values)

    return BatchStats(
        score=episode.score.mean().item(),
        reward=reward,
        kl=episode.kl.mean().item(),
        entropy=-episode.logprobs.detach().sum(-1).mean().item(),
        kl_coef=kl_coef,
        valid=episode.valid.float().mean().item(),
        policy_loss=mean("policy"),
        value_loss=mean("value"),
        clipfrac=mean("clipfrac"),
        value_clipfrac=mean("value_clipfrac"),
        approxkl=mean("approxkl"),
        ratio=mean("ratio_mean"),
        var_explained=mean("var_explained"),
        lr=lr,
        seconds=seconds,
    )
