"""Probes: the same queries for each version, scored as episodes are, drawn from nobody else's generator."""

import pytest
import torch
from torch import Tensor

from shared.language.policy import Policy, import_policy
from shared.settings import PPOSettings, Settings, TaskSettings
from shared.tasks.continuation import Continuation
from shared.tasks.task import Query
from shared.training.probes import PROBES, probe
from tests.models import STORIES, tiny_model

SETTINGS = Settings(
    seed=4,
    task=TaskSettings(query_tokens=12, response_tokens=24, truncate_after=0, truncate_token="\x03"),
    ppo=PPOSettings(invalid_score=-7.0),
)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return import_policy(str(tiny_model()))


def task_of(policy: Policy) -> Continuation:
    queries = [Query(story, policy.tokenizer.encode(story)[:length]) for story in STORIES for length in (5, 8, 12)]
    return Continuation(training=queries[PROBES:], held_out=queries[:PROBES], context_tokens=12)


def test_each_version_answers_the_same_held_out_queries_by_the_same_dice(policy: Policy) -> None:
    task = task_of(policy)
    before = torch.get_rng_state()
    first, again = (probe(policy, None, task, SETTINGS) for _ in range(2))
    assert first == again
    assert torch.equal(before, torch.get_rng_state())
    assert [one.query for one in first] == [query.text for query in task.held_out]
    assert {one.score for one in first} == {None}
    other = probe(import_policy(str(tiny_model(seed=1))), None, task, SETTINGS)
    assert [one.query for one in other] == [one.query for one in first]
    assert [one.response for one in other] != [one.response for one in first]


class Lengths:
    """An r that scores a response by its length, and remembers what it was asked."""

    asked: tuple[Tensor, Tensor, Tensor, Tensor]

    def score(self, query: Tensor, query_mask: Tensor, response: Tensor, length: Tensor) -> Tensor:
        self.asked = (query, query_mask, response, length)
        return length.float()


def test_scores_are_those_of_an_episode(policy: Policy) -> None:
    task, reward_model = task_of(policy), Lengths()
    found = probe(policy, reward_model, task, SETTINGS)
    query, mask, response, length = reward_model.asked
    assert [tuple(row[there].tolist()) for row, there in zip(query, mask, strict=True)] == [
        one.tokens for one in task.held_out
    ]
    lengths = length.flatten().tolist()
    for one, tokens, size in zip(found, response.flatten(0, 1).tolist(), lengths, strict=True):
        assert one.response == policy.tokenizer.decode(tokens[:size])
        assert one.score == (size if one.response.endswith("\x03") else -7.0)
    assert {*lengths} > {24}  # some end properly, and some do not
