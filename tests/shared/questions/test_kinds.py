"""Each kind of label is declared whole: what its declaration names is there."""

import pytest

from shared.algorithms import reward
from shared.domain import LabelKind, LoopError
from shared.questions.kinds import QUESTIONS
from shared.questions.question import Question
from shared.settings import Settings, load_settings, to_environment
from shared.store.tables import LabelRow
from shared.training import agreement
from shared.training.reward_training import AGREEMENTS, LOSSES

QUESTION = pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.kind)


def test_every_kind_is_declared_once() -> None:
    assert list(QUESTIONS) == list(LabelKind)
    assert all(question.kind == kind for kind, question in QUESTIONS.items())


@QUESTION
def test_what_a_declaration_names_is_there(question: Question) -> None:
    assert LOSSES[question.loss] is getattr(reward, question.loss)
    assert AGREEMENTS[question.agreement] is getattr(agreement, question.agreement)
    assert question.stored in LabelRow.__table__.columns


def test_chance() -> None:
    assert [QUESTIONS[LabelKind.BEST_OF].chance(n) for n in (2, 4, 8)] == [1 / 2, 1 / 4, 1 / 8]
    assert QUESTIONS[LabelKind.PAIRWISE].chance(2) == QUESTIONS[LabelKind.RATING].chance(1) == 1 / 2


def load(kind: str, responses: int) -> Settings:
    overrides = {"labels.kind": kind, "task.responses": str(responses)}
    return load_settings(overrides=overrides, environ={})


@pytest.mark.parametrize(
    ("kind", "responses"), [*(("best_of", n) for n in range(2, 9)), ("pairwise", 2), ("rating", 1)]
)
def test_kinds_and_responses_that_go_together(kind: str, responses: int) -> None:
    settings = load(kind, responses)
    assert settings.labels.kind == kind
    assert load_settings(environ=to_environment(settings)) == settings


@pytest.mark.parametrize(
    ("kind", "responses", "said"),
    [
        ("best_of", 1, r"labels.kind \(best_of\) does not go with task.responses \(1\): set task.responses to 2 to 8,"),
        ("pairwise", 4, r"labels.kind \(pairwise\) .* task.responses \(4\): set task.responses to 2, or choose"),
        ("pairwise", 1, "set task.responses to 2, or choose"),
        ("rating", 4, "set task.responses to 1, or choose another labels.kind"),
        ("best_of", 9, "task.responses: .*less than or equal to 8"),
        ("ranking", 4, "labels.kind: .*'best_of', 'pairwise' or 'rating' .*'ranking'"),
    ],
)
def test_kinds_and_responses_that_do_not(kind: str, responses: int, said: str) -> None:
    with pytest.raises(LoopError, match=said):
        load(kind, responses)
