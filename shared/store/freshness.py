"""Three clocks: from a label to the r trained on it, from that r to a policy, from the policy to people's questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Float, Select, and_, cast, func, literal, select
from sqlalchemy.orm import Session

from shared.domain import RewardStatus
from shared.store import versions
from shared.store.database import Database
from shared.store.queries import LEARNABLE
from shared.store.tables import LabelRow, Policy, Query, Reward


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something fresh got on, at `at`, and how long it had waited. `version`: see the clock."""

    version: int
    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Clock:
    """`now`: seconds that the oldest thing has waited so far; None where nothing waits. `history`: by version."""

    now: float | None
    history: Sequence[Arrival]

    @property
    def last(self) -> float | None:
        return self.history[-1].seconds if self.history else None


@dataclass(frozen=True, slots=True)
class Freshness:
    """label_to_reward: by reward version, the oldest label that it was the first published one to learn from.

    reward_to_policy: by reward version, up to the first policy trained with it. policy_to_sample: by policy version, up
    to the first query it answered.
    """

    label_to_reward: Clock
    reward_to_policy: Clock
    policy_to_sample: Clock


def read(db: Database) -> Freshness:
    """Of the live versions what waits now, of all what waited."""
    with db.snapshot() as session:
        return Freshness(_label_to_reward(session), _reward_to_policy(session), _policy_to_sample(session))


def _label_to_reward(session: Session) -> Clock:
    published = select(
        Reward.version,
        Reward.created_at,
        Reward.label_watermark,
        func.lag(Reward.label_watermark, 1, 0).over(order_by=Reward.version).label("before"),
    ).where(Reward.status == RewardStatus.PUBLISHED)
    reward = published.subquery()
    new = and_(LabelRow.id > reward.c.before, LabelRow.id <= reward.c.label_watermark, *LEARNABLE)
    history = (
        select(reward.c.version, reward.c.created_at, func.min(LabelRow.created_at))
        .join(LabelRow, new)
        .group_by(reward.c.version, reward.c.created_at)
        .order_by(reward.c.version)
    )
    read_up_to = select(func.coalesce(func.max(reward.c.label_watermark), 0)).scalar_subquery()
    return Clock(
        session.scalar(select(_waited(func.min(LabelRow.created_at))).where(LabelRow.id > read_up_to, *LEARNABLE)),
        [Arrival(version, at, _seconds(since, at)) for version, at, since in session.execute(history)],
    )


def _reward_to_policy(session: Session) -> Clock:
    history = (
        select(Reward.version, func.min(Policy.created_at), Reward.created_at)
        .join(Policy, Policy.reward_version == Reward.version)
        .group_by(Reward.version)
        .order_by(Reward.version)
    )
    live = versions.find_live_reward(session)
    return _clock(session, history, live)


def _policy_to_sample(session: Session) -> Clock:
    history = (
        select(Policy.version, func.min(Query.created_at), Policy.created_at)
        .join(Query, Query.policy_version == Policy.version)
        .group_by(Policy.version)
        .order_by(Policy.version)
    )
    live = versions.find_live_policy(session)
    return _clock(session, history, live)


def _clock(session: Session, history: Select[int, datetime, datetime], live: Reward | Policy | None) -> Clock:
    """`history`: version, when it got on, since when. `live` waits where it has not got on."""
    found = [Arrival(version, at, _seconds(since, at)) for version, at, since in session.execute(history)]
    if live is None or any(arrival.version == live.version for arrival in found):
        return Clock(None, found)
    return Clock(session.scalar(select(_waited(literal(live.created_at)))), found)


def _waited(since: ColumnElement[datetime]) -> ColumnElement[float]:
    return cast(func.extract("epoch", func.clock_timestamp() - since), Float)


def _seconds(since: datetime, until: datetime) -> float:
    """Never below 0: the clock of a moment is that of the transaction's beginning."""
    return max(0.0, (until - since).total_seconds())
