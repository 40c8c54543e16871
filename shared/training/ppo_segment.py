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
from shared.algorithms.logprobs import logprobs_of
from shared.algorithms.ppo import PPOLoss, ppo_loss
from shared.algorithms.whiten import whiten
from shared.domain import LoopError
from shared.language.policy import Policy
from shared.language.reward_model import RewardModel
from shared.settings import PPOSettings, TaskSettings
from shared.tasks.continuation import Task
from shared.training import batches
from shared.training.rollout import Rollout, rollout
from shared.training.trainer_state import TrainerState

TOLERANCE = 1e-3  # of ratio 1 and KL 0 before the first update; float32 and another batch shape give about 1e-5


@dataclass(frozen=True, slots=True)
class BatchStats:
    """Means over one batch. kl: nats a response; valid: share of responses that end properly; seconds: of wall time."""

    score: float
    reward: float
    kl: float
    kl_coef: float
    valid: float
    policy_loss: float
    value_loss: float
    clipfrac: float
    approxkl: float
    lr: float
    seconds: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def train_segment(
    policy: Policy,
    ref_policy: Policy,
    reward_model: RewardModel,
    task: Task,
    state: TrainerState,
    *,
    settings: PPOSettings,
    task_settings: TaskSettings,
    on_batch: Callable[[int, BatchStats], None] = lambda *_: None,
) -> list[BatchStats]:
    """Move `policy` and `state` in place by up to `segment_batches` batches; never beyond the planned episodes.

    `on_batch(episodes, stats)` is called after each batch. Raises LoopError where the first batch's ratio is not 1, or
    KL not 0 at the very start: sampling, training and reference would then not be the same model.
    """
    done: list[BatchStats] = []
    for _ in range(settings.segment_batches):
        if state.episodes >= settings.episodes:
            break
        start = time.perf_counter()
        picks = torch.randint(2**31 - 1, (settings.batch,), generator=state.data).tolist()
        rows = [task.query(pick)[1] for pick in picks]
        query, mask = batches.queries(
            rows, pad_id=policy.tokenizer.pad_id, length=task_settings.query_tokens, device=policy.device
        )
        episode = rollout(
            policy,
            ref_policy,
            reward_model,
            query,
            mask,
            task=task_settings,
            invalid_score=settings.invalid_score,
            draw=state.draw,
        )
        if state.episodes == 0:
            _require(episode.kl.abs().max().item(), 0.0, "KL between policy and ref_policy before the first update")
        lr = linear_decay(settings.lr, done=state.episodes, total=settings.episodes)
        losses, reward = _learn(policy, episode, state, lr=lr, settings=settings, task=task_settings, check=not done)
        kl = episode.kl.mean().item()
        stats = _stats(
            episode, losses, reward=reward, kl_coef=state.kl_coef, lr=lr, seconds=time.perf_counter() - start
        )
        if not all(map(math.isfinite, stats.as_dict().values())):
            raise LoopError(f"PPO diverged at episode {state.episodes}: {stats}; lower ppo.lr or roll back")
        if settings.kl_target is not None:
            state.kl_coef = next_kl_coef(
                state.kl_coef, kl=kl, target=settings.kl_target, batch=settings.batch, horizon=settings.kl_horizon
            )
        state.episodes += settings.batch
        done.append(stats)
        on_batch(state.episodes, stats)
    return done


def _learn(
    policy: Policy,
    episode: Rollout,
    state: TrainerState,
    *,
    lr: float,
    settings: PPOSettings,
    task: TaskSettings,
    check: bool,
) -> tuple[list[PPOLoss], float]:
    """All epochs over one batch; the losses of each minibatch and the mean summed reward of an episode."""
    rewards = token_rewards(episode.score, episode.logprobs, episode.ref_logprobs, state.kl_coef)
    reward = rewards.sum(-1).mean().item()
    if settings.whiten_rewards:
        rewards = whiten(rewards, keep_mean=True)
    advantages, returns = gae(rewards, episode.values, gamma=settings.gamma, lam=settings.lam)
    advantages = whiten(advantages, keep_mean=False)
    losses: list[PPOLoss] = []
    for rows in _minibatches(state, settings):
        out = policy(episode.query[rows], episode.query_mask[rows], episode.response[rows])
        loss = ppo_loss(
            logprobs_of(out.logits, episode.response[rows], task.temperature),
            out.values,
            old_logprobs=episode.logprobs[rows],
            old_values=episode.values[rows],
            advantages=advantages[rows],
            returns=returns[rows],
            cliprange=settings.cliprange,
            cliprange_value=settings.cliprange_value,
            vf_coef=settings.vf_coef,
        )
        if check and not losses:
            _require(loss.ratio_mean.item(), 1.0, "ratio of the first minibatch")
        state.steps += 1
        for group in state.optimizer.param_groups:
            group["lr"] = lr
        set_tf_adam_eps(state.optimizer, state.steps)
        state.optimizer.zero_grad()
        loss.loss.backward()
        state.optimizer.step()
        losses.append(loss)
    return losses, reward


def _minibatches(state: TrainerState, settings: PPOSettings) -> Iterator[Tensor]:
    size = settings.batch // settings.minibatches
    for _ in range(settings.epochs):
        yield from torch.randperm(settings.batch, generator=state.data).split(size)


def _require(value: float, expected: float, what: str) -> None:
    if not abs(value - expected) <= TOLERANCE:
        raise LoopError(
            f"{what} is {value:.6f}, not {expected:g}: the forward pass that trains is not the one that sampled"
        )


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
        kl_coef=kl_coef,
        valid=episode.valid.float().mean().item(),
        policy_loss=mean("policy"),
        value_loss=mean("value"),
        clipfrac=mean("clipfrac"),
        approxkl=mean("approxkl"),
        lr=lr,
        seconds=seconds,
    )
