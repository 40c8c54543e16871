"""What guards look at, as plain data: only what came after their last stop was resumed can stop the line again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One person's choice on an evaluation query of `policy_version`: whether the best response is its own, not ρ's.

    `chance` is the share of the responses shown that were its own: who chooses blindly chooses them that often.
    """

    policy_version: int
    won: bool
    chance: float


@dataclass(frozen=True, slots=True)
class Generation:
    """The live policy, or one it descends from. `score`: by the r it was trained with, at its end."""

    version: int
    score: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """A published r: it agreed with `agreed` of `compared` held-out labels.

    Of pairs of ratings, no more are counted than there are labels: pairs share them.
    """

    version: int
    agreed: int
    compared: int


@dataclass(frozen=True, slots=True)
class Given:
    """A label r can learn from: the policy that wrote what was judged, and when."""

    policy_version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to look at, all in the order in which it came.

    evaluations: one a query, its first standing label; of generations only.
    generations: from ρ to the live policy, each the parent of the next. kls: of the newest batches, nats a response.
    judged: published reward models up to the live one; `reward_is_new`: the live one came after the last resume.
    reward_chance: how often guessing agrees with a held-out label.
    given: the newest labels of people. labels_due: more of them have to come.
    """

    evaluations: Sequence[Evaluation] = ()
    generations: Sequence[Generation] = ()
    kls: Sequence[float] = ()
    judged: Sequence[Judged] = ()
    reward_is_new: bool = False
    reward_chance: float = 0.5
    given: Sequence[Given] = ()
    labels_due: bool = True
