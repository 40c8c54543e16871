"""Labels in one line."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shared.domain import Flag, Purpose
from shared.quality.labels import StandingLabel

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def label(
    query_id: int = 0,
    answer: int = 0,
    *,
    labeler: str = "ada",
    purpose: Purpose = Purpose.TRAINING,
    responses: int = 4,
    position: int | None = None,
    seconds: float | None = None,
    flag: Flag | None = None,
    policy_version: int | None = 0,
    right: bool | None = None,
    created_at: datetime = NOON,
) -> StandingLabel:
    return StandingLabel(
        query_id=query_id,
        labeler=labeler,
        purpose=purpose,
        responses=responses,
        answer=answer,
        position=position,
        seconds=seconds,
        flag=flag,
        policy_version=policy_version,
        right=right,
        created_at=created_at,
    )


def said(table: Sequence[Sequence[int | None]]) -> list[StandingLabel]:
    """A row for each person: what they answered to queries 0, 1, 2...; None: not asked."""
    return [
        label(query, answer, labeler=f"person {person}")
        for person, answers in enumerate(table)
        for query, answer in enumerate(answers)
        if answer is not None
    ]
