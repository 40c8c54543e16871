"""A loop takes what it can learn from, in its own tokens."""

from typing import Any

import pytest

from shared.domain import LabelKind, Purpose
from shared.exchange.fit import Fit, UnfitError
from shared.exchange.records import Passage, Record, Written
from shared.questions.kinds import QUESTIONS
from shared.settings import TaskSettings
from tests.shared.exchange.words import Bytes


def fit(kind: LabelKind = LabelKind.BEST_OF) -> Fit:
    return Fit(Bytes(), TaskSettings(query_tokens=8, response_tokens=4, truncate_after=0), QUESTIONS[kind])


def record(**more: Any) -> Record:
    given = {"query": Passage(text="query"), "responses": (Written(text="a"), Written(text="b")), "best": 1}
    return Record.model_validate({**given, **more})


def fitted(given: Record, kind: LabelKind = LabelKind.BEST_OF) -> Record:
    [found] = fit(kind).fitted([("line 1", given)], skip=False)
    return found


def test_texts_without_tokens_get_this_loops() -> None:
    found = fitted(record())
    assert found.query == Passage(text="query", tokens=tuple(b"query"))
    assert [response.tokens for response in found.responses] == [(97,), (98,)]
    assert found.best == 1


@pytest.mark.parametrize(
    ("text", "tokens", "kept"),
    [
        ("ab", (97, 98), (97, 98)),
        ("ab", (5, 6), (97, 98)),  # of another tokenizer
        ("ab", (97, 999), (97, 98)),
        ("ab", (-1, 97, 98), (97, 98)),
        ("ab", (97, 256, 98), (97, 256, 98)),  # spells the same, though no text would be cut so
        ("\ufffd", (0,), (0,)),  # how the store keeps NUL
        ("\0", (0,), (0,)),
        ("\0", (), (0,)),
    ],
)
def test_tokens_are_kept_where_they_spell_the_text(text: str, tokens: tuple[int, ...], kept: tuple[int, ...]) -> None:
    given = record(responses=(Written(text=text, tokens=tokens), Written(text="z")))
    assert fitted(given).responses[0].tokens == kept


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("best_of", {"query": Passage(text="123456789")}, "query: 9 tokens; 1 to 8 are possible (got '123456789')"),
        ("best_of", {"query": Passage(text="")}, "query: 0 tokens; 1 to 8 are possible"),
        ("best_of", {"responses": (Written(text="a"), Written(text=""))}, "responses.1: 0 tokens; 1 to 4 are possible"),
        ("best_of", {"responses": (Written(text="a"), Written(text="a"))}, "all are the same"),
        ("best_of", {"purpose": Purpose.GOLD}, "purpose: only labels for training are imported (got 'gold')"),
        ("best_of", {"best": None, "rating": 3}, "best: labels.kind best_of stores nothing else (got None)"),
        ("best_of", {"responses": (Written(text="a"),), "best": 0}, "labels.kind best_of has 2 to 8 (got 1)"),
        ("pairwise", {"responses": tuple(Written(text=y) for y in "abc")}, "labels.kind pairwise has 2 (got 3)"),
        ("rating", {}, "labels.kind rating has 1 (got 2)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_or_left_out(kind: str, more: dict[str, Any], message: str) -> None:
    wrong, here = record(**more), fit(LabelKind(kind))
    with pytest.raises(UnfitError, match=r"--skip-unfit") as error:
        list(here.fitted([("labels.jsonl, line 3", wrong)], skip=False))
    assert str(error.value).startswith("labels.jsonl, line 3: ")
    assert message in str(error.value)
    assert list(here.fitted([("line 3", wrong), ("line 4", wrong)], skip=True)) == []
    assert here.left_out == 2


def test_every_kind_takes_its_own() -> None:
    assert fitted(record(), LabelKind.PAIRWISE).best == 1
    rated = record(responses=(Written(text="a"),), best=None, rating=7)
    assert fitted(rated, LabelKind.RATING).rating == 7
    assert fitted(record(best=None, none_acceptable=True)).none_acceptable
