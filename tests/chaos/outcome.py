"""What a run came to, and how two runs differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from shared.checkpoints import Checkpoints
from shared.domain import LoopError, RewardStatus
from shared.store import versions
from shared.store.database import Database
from shared.store.tables import Labeler, LabelRow, Query, Response

SHOWN = 3  # differences of a kind that are spelt out


@dataclass(frozen=True, slots=True)
class Label:
    position: int | None
    query: str
    responses: tuple[str, ...]
    best: int | None
    rating: int | None
    labeler: str
    policy_version: int | None
    """Of the policy that answered the query."""


@dataclass(frozen=True, slots=True)
class Version:
    """`sha256` is of all files of the checkpoint: for a policy optimizer, value head and random states too.

    `facts` are what else the store says of it. Left out: times, and ids of rows, which a transaction that was rolled
    back uses up.
    """

    version: int
    sha256: str
    facts: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Labels by position of their query; policies and rewards by version."""

    labels: Sequence[Label]
    policies: Sequence[Version]
    rewards: Sequence[Version]


def read(db: Database) -> Outcome:
    policies = [
        Version(
            one.version,
            one.sha256,
            tuple((name, getattr(one, name)) for name in ("parent", "reward_version", "episodes", "kl_coef", "score")),
        )
        for one in versions.policies(db)
    ]
    rewards = [
        Version(
            one.version,
            one.sha256,
            tuple((name, getattr(one, name)) for name in ("status", "labels", "held_out", "accuracy", "gain", "bias")),
        )
        for one in versions.rewards(db)
    ]
    return Outcome(_labels(db), policies, rewards)


def differences(undisturbed: Outcome, disturbed: Outcome) -> list[str]:
    """In words; none where both came to the same."""
    return [
        *_differing("label", undisturbed.labels, disturbed.labels),
        *_differing("policy", undisturbed.policies, disturbed.policies),
        *_differing("reward", undisturbed.rewards, disturbed.rewards),
    ]


def faults(db: Database, checkpoints: Checkpoints) -> list[str]:
    """What must never be in a store: half a version, a gap, an r that scored episodes and was not published."""
    policies, rewards = versions.policies(db), versions.rewards(db)
    published = {one.version: one.created_at for one in rewards if one.status is RewardStatus.PUBLISHED}
    found = []
    for path, sha256 in [(one.path, one.sha256) for one in policies] + [(one.path, one.sha256) for one in rewards]:
        try:
            checkpoints.verify(path, sha256)
        except LoopError as error:
            found.append(str(error))
    for kind, first, numbers in (
        ("policy", 0, [one.version for one in policies]),
        ("reward", 1, [one.version for one in rewards]),
    ):
        if numbers != list(range(first, first + len(numbers))):
            found.append(f"{kind} versions are {numbers}: not each once from {first} on")
    for policy in policies[1:]:
        since = published.get(policy.reward_version or 0)
        if since is None or since > policy.created_at:
            found.append(f"policy {policy.version} was trained with reward {policy.reward_version}, not published then")
    return found


def _labels(db: Database) -> list[Label]:
    with db.snapshot() as session:
        responses: dict[int, list[str]] = {}
        for query_id, text in session.execute(
            select(Response.query_id, Response.text).order_by(Response.query_id, Response.index)
        ):
            responses.setdefault(query_id, []).append(text)
        rows = session.execute(
            select(LabelRow, Query, Labeler.name)
            .join(Query, Query.id == LabelRow.query_id)
            .join(Labeler, Labeler.id == LabelRow.labeler_id)
            .where(LabelRow.retraction_id.is_(None))
            .order_by(Query.position, Labeler.name)
        )
        return [
            Label(
                query.position,
                query.text,
                tuple(responses[query.id]),
                label.best,
                label.rating,
                labeler,
                query.policy_version,
            )
            for label, query, labeler in rows
        ]


def _differing(kind: str, ones: Sequence[object], others: Sequence[object]) -> list[str]:
    found = []
    if len(ones) != len(others):
        found.append(f"{kind}: {len(ones)} undisturbed, {len(others)} disturbed")
    pairs = [(one, other) for one, other in zip(ones, others, strict=False) if one != other]
    found += [f"{kind}: undisturbed {one}\n{' ' * len(kind)}    disturbed {other}" for one, other in pairs[:SHOWN]]
    if len(pairs) > SHOWN:
        found.append(f"{kind}: {len(pairs) - SHOWN} more differ")
    return found
