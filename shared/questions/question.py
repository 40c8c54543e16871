"""What a kind of label is: the question people see, their answer, how it is stored and what r learns from it."""

from dataclasses import dataclass
from typing import Literal

from shared.domain import LabelKind


@dataclass(frozen=True, slots=True)
class Scale:
    """Whole numbers from 1 to `levels`; `low` and `high` are the ends in words."""

    levels: int
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of label, declared.

    text: what people are asked. responses: how many a query has, at least and at most.
    scale: what people answer with; None where they answer with the position of a response.
    stored: the field of a label, in the store and in LabeledQuery, that holds the answer.
    loss: the function of shared/algorithms/reward.py that r is trained with.
    agreement: the function of shared/training/agreement.py that compares r with held-out labels.
    compares: what one such comparison is about, in words.
    """

    kind: LabelKind
    text: str
    responses: tuple[int, int]
    scale: Scale | None
    stored: Literal["best", "rating"]
    loss: str
    agreement: str
    compares: str

    def fits(self, responses: int) -> bool:
        least, most = self.responses
        return least <= responses <= most

    def chance(self, responses: int) -> float:
        """How often guessing agrees: with one choice of N responses, or with one order of two rated ones."""
        return 1 / responses if self.scale is None else 1 / 2
