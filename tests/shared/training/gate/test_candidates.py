"""The gate on real tiny models, trained on labels that can be learnt."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from shared.domain import AnsweredQuery, RewardStatus
from shared.language.policy import Policy, import_policy
from shared.questions.best_of import BEST_OF
from shared.settings import GateSettings
from shared.training.gate import Live, Verdict, judge
from shared.training.reward_training import RewardTraining, score_all
from tests.models import tiny_model
from tests.shared.training.test_kinds import TASK, answers, choices, query, train


@pytest.fixture(scope="module")
def ref_policy() -> Policy:
    return import_policy(str(tiny_model())).requires_grad_(False)


@pytest.fixture(scope="module")
def learnt(ref_policy: Policy) -> RewardTraining:
    """It has all its held-out labels right."""
    return train(ref_policy, choices(ref_policy, 4, 60), BEST_OF, lr=3e-3, held_out=0.4)


@pytest.fixture(scope="module")
def unlearnt(ref_policy: Policy) -> RewardTraining:
    return train(ref_policy, choices(ref_policy, 4, 60), BEST_OF, lr=1e-12, held_out=0.4)


def changed(training: RewardTraining, **parts: float) -> RewardTraining:
    """The same with its gain, bias or head's weights multiplied."""
    model = copy.deepcopy(training.model)
    with torch.no_grad():
        for name, factor in parts.items():
            model.get_parameter(name.replace("_", ".")).mul_(factor)
    return replace(training, model=model, scores=score_all(model, training.aside, TASK))


def judged(ref_policy: Policy, training: RewardTraining, live: RewardTraining | None = None) -> Verdict:
    found = answers(ref_policy, 8)
    recent = [AnsweredQuery(i, query(ref_policy, i), tuple(found[i % 5 : i % 5 + 4])) for i in range(12)]
    return judge(
        training,
        live=None if live is None else Live(1, live.model, watermark=30),
        recent=recent,
        question=BEST_OF,
        settings=GateSettings(),
        task_settings=TASK,
        seed=1,
    )


def failed(verdict: Verdict) -> set[str]:
    assert (verdict.status is RewardStatus.PUBLISHED) == all(check.passed for check in verdict.checks)
    return {check.name for check in verdict.checks if not check.passed}


def test_a_better_one_passes_and_a_worse_one_does_not(
    ref_policy: Policy, learnt: RewardTraining, unlearnt: RewardTraining
) -> None:
    assert failed(judged(ref_policy, learnt)) == set()
    assert failed(judged(ref_policy, learnt, live=unlearnt)) == set()
    assert "held_out" in failed(judged(ref_policy, unlearnt, live=learnt))
    assert failed(judged(ref_policy, learnt, live=learnt)) == set()


def test_a_flipped_one_is_refused_with_and_without_a_live_one(ref_policy: Policy, learnt: RewardTraining) -> None:
    flipped = changed(learnt, gain=-1)
    assert "accuracy" in failed(judged(ref_policy, flipped))
    assert {"accuracy", "held_out", "newest", "rank"} <= failed(judged(ref_policy, flipped, live=learnt))


def test_one_that_is_not_a_number_is_refused(ref_policy: Policy, learnt: RewardTraining) -> None:
    assert judged(ref_policy, changed(learnt, gain=math.nan)).reason.startswith("a parameter is not finite")
    overflowing = judged(ref_policy, changed(learnt, gain=1e30, head_weight=1e30), live=learnt)
    assert failed(overflowing) == {"finite"}
    assert "scores are not finite" in overflowing.reason
    assert "parameter" not in overflowing.reason


def test_one_that_says_the_same_of_everything_is_refused(ref_policy: Policy, learnt: RewardTraining) -> None:
    assert "shadow" in failed(judged(ref_policy, changed(learnt, head_weight=0)))


def test_a_training_that_diverges_comes_to_its_end_and_is_refused(ref_policy: Policy) -> None:
    diverged = train(ref_policy, choices(ref_policy, 4, 40), BEST_OF, lr=1e30, held_out=0.3)
    verdict = judged(ref_policy, diverged)
    assert failed(verdict) == {"finite"}
    assert "cannot be normalised" in verdict.reason
