"""The gate on numbers given by hand: what is rejected, why in words, and what is left out."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from shared.domain import AnsweredQuery, LabeledQuery, RewardStatus
from shared.questions.best_of import BEST_OF
from shared.questions.question import Question
from shared.questions.rating import RATING
from shared.settings import GateSettings
from shared.training.gate import Beside, Evidence, Verdict, decide
from shared.training.gate.accuracy import binomial_cdf

PUBLISHED, REJECTED = RewardStatus.PUBLISHED, RewardStatus.REJECTED
ROWS = 40


def choices(right: int, of: int) -> Tensor:
    """Scores of four responses each, whose first is the one people chose: the highest in so many of the rows."""
    draw = torch.Generator().manual_seed(1)
    scores = torch.rand(of, 4, generator=draw).sort(descending=True).values
    scores[right:, 0] = 0
    return scores


def labels(n: int) -> list[LabeledQuery]:
    return [LabeledQuery(i, (1,), ((2,),) * 4, 0, label_id=i + 1, policy_version=0) for i in range(n)]


def recent() -> list[AnsweredQuery]:
    """Responses of 1 to 4 tokens, in another order each time."""
    return [AnsweredQuery(i, (1,), tuple((2,) * (1 + (i + k) % 4) for k in range(4))) for i in range(ROWS)]


def shadow(seed: int = 1) -> Tensor:
    return torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(seed))


def candidate(right: int = 60, of: int = 100, *, live: Beside | None = None) -> Evidence:
    return Evidence(True, None, (1.4, 1.2), labels(of), choices(right, of), recent(), shadow(), live)


def beside(right: int, of: int = 100, *, watermark: int = 100) -> Beside:
    return Beside(7, watermark, choices(right, of), shadow() + 0.3 * shadow(2))


def verdict(evidence: Evidence, question: Question = BEST_OF) -> Verdict:
    return decide(evidence, question=question, settings=GateSettings(), seed=1)


def failed(found: Verdict) -> list[str]:
    return [check.name for check in found.checks if not check.passed]


def test_binomial_by_hand() -> None:
    # two tosses of a coin: no head 1/4, at most one head 3/4
    assert binomial_cdf(0, 2, 0.5) == pytest.approx(0.25)
    assert binomial_cdf(1, 2, 0.5) == pytest.approx(0.75)
    assert binomial_cdf(2, 2, 0.5) == pytest.approx(1.0)


def test_the_first_one_has_none_to_be_compared_with_and_says_so() -> None:
    found = verdict(candidate())
    assert (found.status, failed(found)) == (PUBLISHED, [])
    assert found.reason == "60 of 100 held-out labels right, chance 25%; no live r to compare it with"
    assert [check.name for check in found.checks] == ["finite", "accuracy", "live", "calibration", "length", "shadow"]


def test_a_better_one_is_published() -> None:
    found = verdict(candidate(70, live=beside(50)))
    assert (found.status, failed(found)) == (PUBLISHED, [])
    assert found.reason == "70 of 100 held-out labels right, r7 50"
    assert {"held_out", "newest", "rank"} < {check.name for check in found.checks}


def test_a_worse_one_is_rejected_and_one_that_may_be_as_good_is_not() -> None:
    found = verdict(candidate(45, live=beside(70)))
    assert (found.status, failed(found)) == (REJECTED, ["held_out"])
    assert "worse than r7 by" in found.reason
    assert verdict(candidate(67, live=beside(70))).status is PUBLISHED


def test_one_that_is_worse_on_the_newest_labels_alone_is_rejected() -> None:
    """100 held-out labels, of which 40 came after r7's: there r7 is right in 35, the candidate in 15; before, equal."""
    both = choices(40, 60)
    live = Beside(7, 60, torch.cat([both - 0.5, choices(35, 40)]), shadow())
    ours = torch.cat([both, choices(15, 40)])
    found = verdict(replace(candidate(live=live), scores=ours))
    assert "newest" in failed(found)
    assert "15 of 40 held-out labels newer than r7 right, r7 35" in found.reason


def test_below_chance_is_rejected_when_sure() -> None:
    # P(X <= 10) for X ~ Binomial(100, 1/4) is 0.00014
    assert verdict(candidate(22)).status is PUBLISHED
    found = verdict(candidate(10))
    assert (found.status, failed(found)[0]) == (REJECTED, "accuracy")
    assert "below chance" in found.reason


def test_a_flipped_one_is_caught_by_rank_even_without_labels() -> None:
    nothing = replace(beside(0, 0), scores=torch.zeros(0, 1))
    evidence = replace(candidate(0, 0, live=nothing), scores=torch.zeros(0, 1), shadow=-nothing.shadow)
    found = verdict(evidence)
    assert (found.status, failed(found)) == (REJECTED, ["rank"])
    assert "rank correlation with r7 -1.00 on recent responses" in found.reason


def test_ranks_are_compared_within_queries() -> None:
    """What r says of one query beside another hangs on its random head: an honest successor may differ in all of it."""
    live = beside(60)
    between = torch.linspace(-40, 40, ROWS)[:, None]
    moved = replace(live, shadow=live.shadow + between)
    found = verdict(replace(candidate(live=moved), shadow=live.shadow - between))
    assert [check.passed for check in found.checks if check.name == "rank"] == [True]


def of_length(sign: float) -> Callable[[AnsweredQuery], list[float]]:
    return lambda query: [sign * len(tokens) for tokens in query.responses]


@pytest.mark.parametrize("sign", [1.0, -0.5])
def test_one_that_is_only_length_is_rejected(sign: float) -> None:
    found = verdict(replace(candidate(), shadow=torch.tensor([of_length(sign)(query) for query in recent()])))
    assert (found.status, failed(found)) == (REJECTED, ["length"])
    assert "beyond 0.9" in found.reason


@pytest.mark.parametrize(
    ("scores", "why"),
    [(torch.full((ROWS, 4), 0.5), "all are equal"), (shadow() - 12, "the mean is beyond 10")],
)
def test_strange_shadow_scores_are_rejected(scores: Tensor, why: str) -> None:
    found = verdict(replace(candidate(), shadow=scores))
    assert (found.status, failed(found)) == (REJECTED, ["shadow"])
    assert why in found.reason


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_rejected_and_nothing_else_is_said(bad: float) -> None:
    sound = candidate(live=beside(60))
    scores, strange = sound.scores.clone(), sound.shadow.clone()
    scores[3, 1] = strange[0, 0] = bad
    unsound = {
        "the loss was not finite": replace(sound, losses=(1.4, bad)),
        "a parameter is not finite": replace(sound, finite=False),
        "1 scores are not finite": replace(sound, scores=scores),
        "2 scores are not finite": replace(sound, scores=scores, shadow=strange),
        "cannot be normalised": replace(sound, fault="cannot be normalised"),
    }
    for reason, evidence in unsound.items():
        found = verdict(evidence)
        assert (found.status, found.reason, len(found.checks)) == (REJECTED, reason, 1)


def test_responses_that_are_not_there_are_not_judged() -> None:
    """A pair beside best of fours, as imported labels are."""
    sound = candidate()
    mixed = [replace(sound.labels[0], responses=((2,), (3,))), *sound.labels[1:]]
    scores = sound.scores.clone()
    scores[0, 2:] = -torch.inf
    assert verdict(replace(sound, labels=mixed, scores=scores)).status is PUBLISHED


def test_ratings_are_compared_in_pairs() -> None:
    """Chance is that of the order of two; there are no probabilities, and all responses are compared with all."""
    given = [LabeledQuery(i, (1,), ((2,),), None, i + 1, 0, rating=1 + 5 * (i % 2)) for i in range(80)]
    score = torch.tensor([[float(label.rating or 0)] for label in given])
    single = [AnsweredQuery(i, (1,), ((2,) * (1 + i % 3),)) for i in range(ROWS)]
    said = shadow()[:, :1]
    live = Beside(7, 40, score, said)
    evidence = Evidence(True, None, (1.0,), given, score, single, said, live)
    found = verdict(evidence, RATING)
    assert (found.status, found.reason) == (PUBLISHED, "40 of 40 pairs of held-out ratings right, r7 40")
    newest = next(check for check in found.checks if check.name == "newest")
    assert newest.said == "20 of 20 pairs of held-out ratings newer than r7 right, r7 20"
    assert failed(verdict(replace(evidence, scores=-score, shadow=-said), RATING)) == [
        "accuracy",
        "held_out",
        "newest",
        "rank",
    ]


def test_without_labels_and_responses_it_says_so() -> None:
    empty = torch.zeros(0, 1)
    found = verdict(Evidence(True, None, (1.0,), (), empty, (), empty, Beside(7, 0, empty, empty)))
    assert found.status is PUBLISHED
    assert found.reason == "no held-out labels to compare the two on"
    assert {check.said.partition(" ")[0] for check in found.checks[1:]} == {"no"}
