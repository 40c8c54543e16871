"""All that is known of the labels' quality: overall, by labeler, by policy and over time."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from shared.domain import Purpose
from shared.quality import gold
from shared.quality.agreement import Overlap, agreement, alpha, overlap
from shared.quality.labels import NONE, Material, StandingLabel
from shared.quality.pace import Quartiles, quartiles, span, width
from shared.quality.position_bias import PositionBias, position_bias
from shared.quality.share import Share, share

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some labels. What is undefined is None.

    `agreement` with others who answered the same queries; gold is left out of it, for it has an accuracy of its own.
    """

    labels: int
    none_acceptable: Share | None
    flagged: Share | None
    seconds: Quartiles | None
    agreement: Share | None
    position: PositionBias | None
    gold: Share | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Between people, on the queries with that purpose and number of responses that several of them answered."""

    purpose: Purpose
    responses: int
    alpha: float | None
    pairs: Share | None


@dataclass(frozen=True, slots=True)
class Person:
    """`paused_reason`: None while they are not paused."""

    name: str
    figures: Figures
    skipped: int
    retracted: int
    paused_reason: str | None


@dataclass(frozen=True, slots=True)
class OfPolicy:
    """What people say of one policy's responses: skips, flags and `none_acceptable` rise where it goes bad."""

    version: int
    figures: Figures
    skipped: int


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """`span_seconds` is the length of the spans in `over_time`, which leaves out those without a label."""

    overall: Figures
    skipped: int
    agreements: list[Agreement]
    people: list[Person]
    policies: list[OfPolicy]
    span_seconds: float
    over_time: list[Span]


def report(material: Material) -> Report:
    """People are sorted by name, policies by version."""
    labels = material.labels
    everybody = overlap(label for label in labels if label.purpose is not Purpose.GOLD)
    people = _grouped(labels, lambda label: label.labeler)
    policies = _grouped(labels, lambda label: label.policy_version)
    by_labeler = Counter(skip.labeler for skip in material.skips)
    by_policy = Counter(skip.policy_version for skip in material.skips)
    step = width(labels)
    return Report(
        overall=_figures(labels, everybody),
        skipped=len(material.skips),
        agreements=_agreements(labels),
        people=[
            Person(
                name=account.name,
                figures=_figures(people.get(account.name, ()), everybody),
                skipped=by_labeler[account.name],
                retracted=account.retracted,
                paused_reason=account.paused_reason,
            )
            for account in sorted(material.accounts, key=lambda account: account.name)
        ],
        policies=[
            OfPolicy(version, _figures(policies.get(version, ()), everybody), by_policy[version])
            for version in sorted({version for version in [*policies, *by_policy] if version is not None})
        ],
        span_seconds=step.total_seconds(),
        over_time=[
            Span(start, _figures(group, everybody))
            for start, group in sorted(_grouped(labels, lambda label: span(label.created_at, step)).items())
        ],
    )


def _agreements(labels: Sequence[StandingLabel]) -> list[Agreement]:
    asked = _grouped(labels, lambda label: (label.purpose, label.responses))
    found = []
    for purpose, responses in sorted(asked, key=lambda key: (list(Purpose).index(key[0]), key[1])):
        group = asked[purpose, responses]
        everybody = overlap(group)
        rate = agreement(group, everybody)
        found.append(Agreement(purpose, responses, alpha(everybody, ordinal=responses == 1), rate))
    return found


def _figures(labels: Sequence[StandingLabel], everybody: Overlap) -> Figures:
    return Figures(
        labels=len(labels),
        none_acceptable=share(sum(label.answer == NONE for label in labels), len(labels)),
        flagged=share(sum(label.flag is not None for label in labels), len(labels)),
        seconds=quartiles(labels),
        agreement=agreement(labels, everybody),
        position=position_bias(labels),
        gold=gold.accuracy(labels),
    )


def _grouped(labels: Iterable[StandingLabel], key: Callable[[StandingLabel], Key]) -> dict[Key, list[StandingLabel]]:
    groups: defaultdict[Key, list[StandingLabel]] = defaultdict(list)
    for label in labels:
        groups[key(label)].append(label)
    return dict(groups)
