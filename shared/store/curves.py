"""All that curves are drawn from, for services/recorder: batches, versions, people's verdicts, fixed queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from shared.domain import ActionKind, LoopError, PolicyVersion, RewardVersion
from shared.store import versions
from shared.store.database import Database
from shared.store.evaluations import HumanWinRate, human_win_rates
from shared.store.tables import ActionRow, LabelRow, Policy, PPOBatch, Probe, Reward, Run
from shared.store.versions import Probed


@dataclass(frozen=True, slots=True)
class TimedBatch:
    """The figures of one PPO batch, after which `episodes` were taken."""

    policy_version: int
    batch: int
    episodes: int
    stats: Mapping[str, float]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rollback:
    """From here on versions are above these."""

    last_policy: int
    last_reward: int


@dataclass(frozen=True, slots=True)
class Curves:
    """`probes` by policy version. `labeled_at`: when the newest label was given."""

    batches: Sequence[TimedBatch]
    policies: Sequence[PolicyVersion]
    rewards: Sequence[RewardVersion]
    win_rates: Sequence[HumanWinRate]
    probes: Mapping[int, Sequence[Probed]]
    rollbacks: Sequence[Rollback]
    labeled_at: datetime | None


def started_at(db: Database) -> datetime:
    """When the loop began: what tells two of one name apart. LoopError where none was started here."""
    with db.glance() as connection:
        found: datetime | None = connection.execute(select(Run.created_at)).scalar_one_or_none()
    if found is None:
        raise LoopError("this store holds no loop yet: run `prefloop migrate`")
    return found


def mark(db: Database) -> tuple[object, ...]:
    """Another one where there is something new, labels left out: a statement that costs nothing."""
    parts = (
        select(func.max(PPOBatch.created_at)),
        select(func.count()).select_from(Policy),
        select(func.count()).select_from(Reward),
    )
    with db.glance() as connection:
        return tuple(connection.execute(select(*(part.scalar_subquery() for part in parts))).one())


def read(db: Database) -> Curves:
    policies, rewards, win_rates = versions.policies(db), versions.rewards(db), human_win_rates(db)
    probes: defaultdict[int, list[Probed]] = defaultdict(list)
    with db.snapshot() as session:
        for probe in session.scalars(select(Probe).order_by(Probe.policy_version, Probe.index)):
            probes[probe.policy_version].append(Probed(probe.query, probe.response, probe.score))
        rollbacks = session.scalars(
            select(ActionRow.detail).where(ActionRow.kind == ActionKind.ROLLBACK).order_by(ActionRow.id)
        )
        rows = session.scalars(select(PPOBatch).order_by(PPOBatch.created_at, PPOBatch.policy_version, PPOBatch.batch))
        return Curves(
            batches=[
                TimedBatch(row.policy_version, row.batch, row.episodes, row.stats, row.created_at) for row in rows
            ],
            policies=policies,
            rewards=rewards,
            win_rates=win_rates,
            probes=probes,
            rollbacks=[Rollback(detail["last_policy"], detail["last_reward"]) for detail in rollbacks],
            labeled_at=session.scalar(select(func.max(LabelRow.created_at))),
        )
