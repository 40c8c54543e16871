"""The ensemble of reward heads on real tiny models: it replays, settles where labels are many, and leaves r alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shared.domain import LabeledQuery, NewQuery, Response
from shared.language.policy import import_policy
from shared.language.reward_heads import RewardHeads, load_reward_heads, save_reward_heads
from shared.language.reward_model import RewardModel, new_reward_model
from shared.questions.best_of import BEST_OF
from shared.questions.question import Question
from shared.questions.rating import RATING
from shared.settings import RewardSettings, TaskSettings
from shared.training.disagreement import prioritised, train_heads
from tests.models import tiny_model

TASK = TaskSettings(query_tokens=12, response_tokens=6, truncate_after=0)


@pytest.fixture(scope="module")
def model() -> RewardModel:
    return new_reward_model(import_policy(str(tiny_model())), seed=1).requires_grad_(False)


def response(first: int) -> tuple[int, ...]:
    draw = torch.Generator().manual_seed(first)
    return (first, *torch.randint(0, 250, (5,), generator=draw).tolist())


def labels(count: int, *, responses: int = 4) -> list[LabeledQuery]:
    """Of responses that begin with tokens 10, 11, ..., people choose the one that begins with 10, wherever it is."""
    found = []
    for i in range(count):
        written = [response(10 + (i + j) % responses) for j in range(responses)]
        best = next(j for j, tokens in enumerate(written) if tokens[0] == 10)
        found.append(LabeledQuery(i, (i % 50, 7), tuple(written), best, label_id=i, policy_version=0))
    return found


def train(
    model: RewardModel, given: list[LabeledQuery], *, question: Question = BEST_OF, heads: int = 6, held_out: float = 0
) -> RewardHeads | None:
    return train_heads(
        model,
        given,
        version=1,
        question=question,
        settings=RewardSettings(batch=4, lr=3e-2, heads=heads),
        task_settings=TASK,
        held_out=held_out,
        seed=1,
    )


def trained(model: RewardModel, given: list[LabeledQuery], *, question: Question = BEST_OF) -> RewardHeads:
    heads = train(model, given, question=question)
    assert heads is not None
    return heads


def priorities(model: RewardModel, heads: RewardHeads, queries: list[NewQuery], question: Question) -> list[float]:
    found = prioritised(queries, model, heads, question=question, task_settings=TASK, seed=1)
    assert [replace(query, priority=0.0) for query in found] == queries
    return [query.priority for query in found]


def asked(position: int, firsts: Sequence[int], *, written_by: tuple[int, ...] = (1, 1, 1, 1)) -> NewQuery:
    """Responses that begin with these tokens, by these policies."""
    responses = tuple(
        Response(f"{first}", response(first), version) for first, version in zip(firsts, written_by, strict=False)
    )
    return NewQuery(position, f"query {position}", (position % 50, 7), responses)


def test_the_same_labels_give_the_same_heads_and_leave_the_model_and_the_dice_alone(model: RewardModel) -> None:
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    dice = torch.get_rng_state()
    one, again, more = (trained(model, labels(n)) for n in (30, 30, 31))
    assert torch.equal(one.weight, again.weight)
    assert torch.equal(one.bias, again.bias)
    assert not torch.equal(one.weight, more.weight)
    assert len({tuple(row) for row in one.weight.tolist()}) == 6
    assert torch.equal(dice, torch.get_rng_state())
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_heads_come_to_agree_on_what_labels_settle(model: RewardModel) -> None:
    """Responses that people compared often, beside ones nobody ever saw."""
    asked_of = [asked(0, (10, 11, 12, 13)), *(asked(i, range(20 + 4 * i, 24 + 4 * i)) for i in range(1, 9))]
    few, many = (priorities(model, trained(model, labels(n)), asked_of, BEST_OF) for n in (1, 200))
    assert many[0] < 0.1 * few[0]
    assert many[0] < 0.1 * min(many[1:])


def test_and_on_ratings(model: RewardModel) -> None:
    rated = [
        replace(label, responses=label.responses[:1], best=None, rating=6 if label.best == 0 else 2)
        for label in labels(200)
    ]
    asked_of = [asked(i, (first,)) for i, first in enumerate((10, 40, 50, 60, 70))]
    known, *unknown = priorities(model, trained(model, rated, question=RATING), asked_of, RATING)
    assert known < 0.2 * min(unknown)


def test_labels_may_differ_in_their_number_of_responses(model: RewardModel) -> None:
    heads = trained(model, [*labels(10), *labels(10, responses=2)])
    assert heads.weight.isfinite().all()


def test_from_no_label_there_are_no_heads(model: RewardModel) -> None:
    assert train(model, labels(3), held_out=0.999999) is None


def test_evaluation_queries_stand_where_others_do_whatever_they_say(model: RewardModel) -> None:
    heads = trained(model, labels(20))
    plain = [asked(i, range(20 + 4 * i, 24 + 4 * i)) for i in range(8)]
    found, other = (
        priorities(
            model,
            heads,
            [*plain, *(asked(8 + i, (first + i, 91, 92, 93), written_by=(0, 1, 1, 0)) for i in range(24))],
            BEST_OF,
        )
        for first in (30, 60)
    )
    assert found == other
    own, drawn = set(found[:8]), set(found[8:])
    assert len(own) == 8
    assert drawn <= own
    assert len(drawn) > 4
    alone = [asked(0, (10, 11, 12, 13), written_by=(0, 1, 1, 0))]
    assert priorities(model, heads, alone, BEST_OF) == [0]


def test_what_is_saved_is_loaded_bit_for_bit(model: RewardModel, tmp_path: Path) -> None:
    assert load_reward_heads(tmp_path) is None
    heads = trained(model, labels(5))
    save_reward_heads(heads, tmp_path)
    again = load_reward_heads(tmp_path)
    assert again is not None
    assert torch.equal(again.weight, heads.weight)
    assert torch.equal(again.bias, heads.bias)
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]
