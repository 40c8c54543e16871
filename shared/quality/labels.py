"""What quality is measured on: standing labels, skips and accounts as plain data."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain import Flag, Purpose

NONE = -1  # the answer that none is acceptable: a choice of its own, and below every rating


@dataclass(frozen=True, slots=True)
class StandingLabel:
    """A label that nobody took back, to a query of `responses` responses.

    `answer`: the best response's index as the policy wrote them, the rating where there is one response, or NONE.
    `position`: where the chosen one was shown. `right`: whether it is the known answer; None: there is none.
    """

    query_id: int
    labeler: str
    purpose: Purpose
    responses: int
    answer: int
    position: int | None
    seconds: float | None
    flag: Flag | None
    policy_version: int | None
    right: bool | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Skip:
    """A query that somebody did not want to answer."""

    labeler: str
    policy_version: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who labels. `retracted` counts the labels taken back, by them or by others."""

    name: str
    paused_reason: str | None
    retracted: int


@dataclass(frozen=True, slots=True)
class Material:
    labels: list[StandingLabel]
    skips: list[Skip]
    accounts: list[Account]
