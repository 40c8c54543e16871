"""Our side: one step of each thing, by the same functions of `shared` that the services call."""

import time
from pathlib import Path

import torch

from benchmarks.shapes import (
    EPOCHS,
    LEARNING_RATE,
    QUERY,
    RESPONSE,
    RESPONSES,
    REWARD_QUERIES,
    REWARD_STEPS,
    SAMPLER_QUERIES,
    TEMPERATURE,
    TRUNCATE,
    Shape,
    random_rows,
)
from shared.domain import LabeledQuery
from shared.language.generation import sample
from shared.language.policy import import_policy
from shared.language.reward_model import new_reward_model
from shared.settings import PPOSettings, RewardSettings, TaskSettings
from shared.tasks.task import Query
from shared.training.ppo_segment import train_segment
from shared.training.reward_training import train_reward
from shared.training.trainer_state import new_state

TASK = TaskSettings(query_tokens=QUERY, response_tokens=RESPONSE, temperature=TEMPERATURE, truncate_token=TRUNCATE)
CPU = torch.device("cpu")


class RandomQueries:
    """The task: queries of QUERY random tokens."""

    context_tokens = QUERY

    def __init__(self, shape: Shape) -> None:
        self._rows = [tuple(row) for row in random_rows(shape, 1000, QUERY).tolist()]

    def context(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        return tokens

    def query(self, position: int) -> Query:
        return Query("", self._rows[position % len(self._rows)])

    def evaluation(self, n: int) -> list[Query]:
        return [self.query(position) for position in range(n)]


class PPO:
    """π, ρ and r of one shape; the settings of a step may differ from the last one's."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        self._batch = shape.batch
        self._task = RandomQueries(shape)
        self._policy = import_policy(str(folder))
        self._ref_policy = import_policy(str(folder)).eval().requires_grad_(False)
        self._reward_model = new_reward_model(self._ref_policy, seed=1).eval().requires_grad_(False)
        self._state = new_state(self._policy, self._settings(1), device=CPU, seed=1)

    def step(self, *, autocast: bool, responses_per_query: int) -> float:
        """Seconds of one batch of episodes."""
        for model in (self._policy, self._ref_policy, self._reward_model):
            model.autocast = autocast
        start = time.perf_counter()
        train_segment(
            self._policy,
            self._ref_policy,
            self._reward_model,
            self._task,
            self._state,
            settings=self._settings(responses_per_query),
            task_settings=TASK,
        )
        return time.perf_counter() - start

    def _settings(self, responses_per_query: int) -> PPOSettings:
        return PPOSettings(
            batch=self._batch,
            responses_per_query=responses_per_query,
            epochs=EPOCHS,
            minibatches=1,
            segment_batches=1,
            episodes=10**6,
            lr=LEARNING_RATE,
        )


class Sampler:
    """RESPONSES responses to each of SAMPLER_QUERIES queries."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        self._policy = import_policy(str(folder)).eval().requires_grad_(False)
        self._query = random_rows(shape, SAMPLER_QUERIES, QUERY)
        self._draw = torch.Generator().manual_seed(1)

    def step(self, *, autocast: bool) -> float:
        """Seconds of all responses."""
        self._policy.autocast = autocast
        start = time.perf_counter()
        sample(
            self._policy,
            self._query,
            torch.ones_like(self._query, dtype=torch.bool),
            length=RESPONSE,
            temperature=TEMPERATURE,
            generator=self._draw,
            repeat=RESPONSES,
        )
        return time.perf_counter() - start


class Reward:
    """r trained on labels of RESPONSES responses each."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        self._task = RandomQueries(shape)
        self._ref_policy = import_policy(str(folder)).eval().requires_grad_(False)
        answers = random_rows(shape, (REWARD_STEPS + 1) * REWARD_QUERIES * RESPONSES, RESPONSE).tolist()
        self._labels = [
            LabeledQuery(
                position=i,
                tokens=self._task.query(i).tokens,
                responses=tuple(map(tuple, answers[i * RESPONSES : (i + 1) * RESPONSES])),
                best=i % RESPONSES,
                label_id=i,
                policy_version=0,
            )
            for i in range((REWARD_STEPS + 1) * REWARD_QUERIES)
        ]

    def step(self, *, autocast: bool) -> float:
        """Seconds of REWARD_STEPS optimiser steps, after one that makes the optimiser's state.

        What comes once a training, copying ρ and the normalisations, is not part of it, as TRL has none.
        """
        self._ref_policy.autocast = autocast
        ends: list[float] = []
        train_reward(
            self._ref_policy,
            self._labels,
            self._task,
            version=1,
            settings=RewardSettings(batch=REWARD_QUERIES, lr=LEARNING_RATE, normalize_samples=2),
            task_settings=TASK,
            held_out=0.0,
            seed=1,
            on_step=lambda *_: ends.append(time.perf_counter()),
        )
        return ends[-1] - ends[0]
