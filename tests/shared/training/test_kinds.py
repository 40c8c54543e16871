"""Reward training by each kind of label, on real tiny models: what people like comes to score higher."""

import itertools
from collections.abc import Sequence

import pytest
import torch

from shared.domain import LabeledQuery, LabelKind
from shared.language.policy import Policy, import_policy
from shared.questions.kinds import QUESTIONS
from shared.questions.question import Question
from shared.settings import GateSettings, RewardSettings, TaskSettings
from shared.tasks.continuation import Continuation
from shared.tasks.task import Query
from shared.training.gate import judge
from shared.training.reward_training import RewardTraining, score_labels, train_reward
from tests.models import STORIES, tiny_model

TASK = TaskSettings(query_tokens=12, response_tokens=6, truncate_after=0, temperature=1.0)
BEST_OF, PAIRWISE, RATING = (QUESTIONS[kind] for kind in LabelKind)


@pytest.fixture(scope="module")
def ref_policy() -> Policy:
    return import_policy(str(tiny_model())).requires_grad_(False)


def train(
    ref_policy: Policy, labels: Sequence[LabeledQuery], question: Question, *, lr: float, held_out: float = 0.0
) -> RewardTraining:
    queries = [Query(story, ref_policy.tokenizer.encode(story)[:8]) for story in STORIES]
    return train_reward(
        ref_policy,
        labels,
        Continuation(training=queries, held_out=queries, context_tokens=32),
        version=1,
        question=question,
        settings=RewardSettings(batch=4, lr=lr, normalize_samples=16),
        task_settings=TASK,
        held_out=held_out,
        seed=1,
    )


def answers(ref_policy: Policy, n: int) -> list[tuple[int, ...]]:
    """Responses that differ from one another."""
    tokens = [token for story in STORIES for token in ref_policy.tokenizer.encode(story)]
    return [tuple(tokens[6 * i : 6 * i + 6]) for i in range(n)]


def query(ref_policy: Policy, position: int) -> tuple[int, ...]:
    return tuple(ref_policy.tokenizer.encode(STORIES[position % len(STORIES)])[:8])


def choices(ref_policy: Policy, n: int, count: int) -> list[LabeledQuery]:
    """Of the same N responses in turning order, always the same one."""
    found = answers(ref_policy, n)
    turned = [(found[turn % n :] + found[: turn % n], -turn % n) for turn in range(count)]
    return [
        LabeledQuery(i, query(ref_policy, i), tuple(responses), best, label_id=i, policy_version=0)
        for i, (responses, best) in enumerate(turned)
    ]


def ratings(ref_policy: Policy, count: int) -> list[LabeledQuery]:
    """Of two responses the one always gets 6, the other 2."""
    good, bad = answers(ref_policy, 2)
    given = itertools.cycle([(good, 6), (bad, 2)])
    return [
        LabeledQuery(i, query(ref_policy, i), (y,), None, label_id=i, policy_version=0, rating=rating)
        for i, (y, rating) in zip(range(count), given, strict=False)
    ]


@pytest.mark.parametrize(("question", "n"), [*((BEST_OF, n) for n in range(2, 9)), (PAIRWISE, 2)])
def test_the_chosen_one_of_n_comes_to_score_highest(ref_policy: Policy, question: Question, n: int) -> None:
    labels = choices(ref_policy, n, 40)
    trained = train(ref_policy, labels, question, lr=3e-3, held_out=0.3)
    assert trained.labels + trained.held_out == 40
    assert trained.compared == trained.held_out > 5
    assert trained.accuracy == 1
    assert trained.losses[-1] < trained.losses[0]
    scores = score_labels(trained.model, labels[:1], TASK)[0]
    assert (scores.shape, scores.argmax().item()) == ((n,), labels[0].best)


def test_the_better_rated_one_comes_to_score_higher(ref_policy: Policy) -> None:
    """From query to query too: a score is not compared with those beside it, and more labels are needed."""
    labels = ratings(ref_policy, 120)
    trained = train(ref_policy, labels, RATING, lr=1e-3, held_out=0.3)
    assert trained.labels + trained.held_out == 120
    assert 10 < trained.compared <= trained.held_out / 2
    assert trained.accuracy == 1
    good, bad = score_labels(trained.model, labels[:2], TASK).squeeze(-1)
    assert good > bad + 1


def test_one_step_raises_the_score_of_a_good_rating_and_lowers_that_of_a_bad_one(ref_policy: Policy) -> None:
    labels = ratings(ref_policy, 4)

    def margin(lr: float) -> float:
        trained = train(ref_policy, labels, RATING, lr=lr)
        assert len(trained.losses) == 1
        scores = score_labels(trained.model, labels, TASK).squeeze(-1)
        return (scores[0] - scores[1]).item()

    assert margin(lr=1e-3) > margin(lr=1e-12) + 0.01


def test_a_pair_trains_as_best_of_two_bit_for_bit(ref_policy: Policy) -> None:
    labels = choices(ref_policy, 2, 8)
    one, other = (train(ref_policy, labels, question, lr=1e-3).model for question in (PAIRWISE, BEST_OF))
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def mixed(ref_policy: Policy) -> list[LabeledQuery]:
    """Best of four in turn with pairs, as imported ones are, of the same responses; always the same one is chosen."""
    fours, pairs = choices(ref_policy, 4, 40), choices(ref_policy, 2, 40)
    return [pair if i % 2 else four for i, (four, pair) in enumerate(zip(fours, pairs, strict=True))]


def test_a_pair_scores_beside_a_best_of_four_as_it_does_alone(ref_policy: Policy) -> None:
    labels = mixed(ref_policy)
    model = train(ref_policy, labels[:1], BEST_OF, lr=1e-3).model
    together = score_labels(model, labels[:4], TASK)
    assert together[1::2, 2:].isneginf().all()
    for row, label in zip(together, labels[:4], strict=True):
        alone = score_labels(model, [label], TASK)[0]
        torch.testing.assert_close(row[: len(label.responses)], alone, rtol=1e-5, atol=1e-5)


def test_a_reward_learns_from_queries_of_unequally_many_responses(ref_policy: Policy) -> None:
    trained = train(ref_policy, mixed(ref_policy), BEST_OF, lr=3e-3, held_out=0.3)
    assert trained.labels + trained.held_out == 40
    assert trained.accuracy == 1
    assert trained.losses[-1] < trained.losses[0]
    verdict = judge(
        trained, live=None, recent=[], question=BEST_OF, settings=GateSettings(), task_settings=TASK, seed=1
    )
    assert "held-out labels right" in verdict.reason
    [chance] = [check.figures["chance"] for check in verdict.checks if check.name == "accuracy"]
    assert chance is not None
    assert 1 / 4 < chance < 1 / 2
