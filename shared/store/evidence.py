"""What guards look at (shared/guards), read from the label store in one snapshot."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Integer, and_, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from shared.descent import descent
from shared.domain import ActionKind, Cause, RewardStatus, Schedule
from shared.guards.evidence import Evaluation, Evidence, Generation, Given, Judged
from shared.guards.kl import BATCHES
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store import versions
from shared.store.database import Database
from shared.store.queries import LEARNABLE
from shared.store.tables import ActionRow, LabelRow, Policy, PPOBatch, Query, Response, Retraction, Reward, StopRow

EVER = datetime(1, 1, 1, tzinfo=UTC)
NEWEST = (  # by primary keys, but for the last three, whose tables are small
    func.max(LabelRow.id),
    func.max(Retraction.id),
    func.max(Policy.version),
    func.max(Reward.version),
    func.max(PPOBatch.created_at),
    func.max(StopRow.resumed_at),
)


def newest(db: Database) -> tuple[Any, ...]:
    """The same for as long as there is nothing new to look at. Cheap: for asking twice a second."""
    back = select(func.max(ActionRow.id)).where(ActionRow.kind == ActionKind.ROLLBACK)
    with db.glance() as connection:
        parts = [*(select(one) for one in NEWEST), back]
        return tuple(connection.execute(select(*(part.scalar_subquery() for part in parts))).one())


def read(db: Database, settings: Settings) -> Evidence:
    """Of each cause, what came after its last stop was resumed. A stop by people's choices, for whichever of the two
    causes that look at them, leaves neither of them behind."""
    with db.snapshot() as session:
        resumed = _resumed(session)
        since = {cause: resumed.get(cause, EVER) for cause in Cause}
        choices = max(since[Cause.HUMAN_WIN_RATE], since[Cause.OVER_OPTIMISATION])
        generations = _generations(session)
        judged, reward_at = _judged(session)
        return Evidence(
            evaluations=_evaluations(session, [one.version for one in generations if one.version > 0], choices),
            generations=generations,
            kls=_kls(session, since[Cause.KL]),
            judged=judged,
            reward_is_new=reward_at > since[Cause.REWARD_ACCURACY],
            reward_chance=QUESTIONS[settings.labels.kind].chance(settings.task.responses),
            given=_given(session, since[Cause.LABEL_AGE], settings.guards.window),
            labels_due=_labels_due(session, settings),
        )


def _resumed(session: Session) -> dict[Cause, datetime]:
    last = select(StopRow.cause, func.max(StopRow.resumed_at)).group_by(StopRow.cause)
    return {Cause(cause): at for cause, at in session.execute(last) if cause is not None and at is not None}


def _generations(session: Session) -> list[Generation]:
    live = versions.find_live_policy(session)
    columns = (Policy.version, Policy.parent, Policy.score, Policy.created_at)
    by_version = {row.version: row for row in session.execute(select(*columns))}
    line = [] if live is None else descent({row.version: row.parent for row in by_version.values()}, live.version)
    return [Generation(version, by_version[version].score, by_version[version].created_at) for version in line]


def _evaluations(session: Session, of: list[int], since: datetime) -> list[Evaluation]:
    """Of each evaluation query the first answer only: those of several people to one query are not independent."""
    best, by_ref = aliased(Response), aliased(Response)
    asked = and_(LabelRow.query_id == Query.id, Query.policy_version.in_(of))
    reference = select(by_ref.query_id).where(by_ref.query_id == Query.id, by_ref.policy_version == 0)
    own = cast(Response.policy_version == Query.policy_version, Integer)
    chance = select(func.avg(own)).where(Response.query_id == Query.id).scalar_subquery()
    first = (
        select(LabelRow.id, Query.policy_version, best.policy_version.label("chosen"), chance.label("chance"))
        .join(Query, asked)
        .join(best, and_(best.query_id == LabelRow.query_id, best.index == LabelRow.best))
        .where(*LEARNABLE, LabelRow.created_at > since, reference.exists())
        .ext(distinct_on(LabelRow.query_id))
        .order_by(LabelRow.query_id, LabelRow.id)
        .subquery()
    )
    rows = session.execute(select(first).order_by(first.c.id))
    return [Evaluation(row.policy_version, row.chosen == row.policy_version, float(row.chance)) for row in rows]


def _kls(session: Session, since: datetime) -> list[float]:
    """By the time they came: after a rollback episodes are counted anew."""
    found = session.scalars(
        select(PPOBatch.stats)
        .where(PPOBatch.created_at > since)
        .order_by(PPOBatch.created_at.desc(), PPOBatch.batch.desc())
        .limit(BATCHES)
    ).all()
    return [stats["kl"] for stats in reversed(found) if "kl" in stats]


def _judged(session: Session) -> tuple[list[Judged], datetime]:
    """The published ones up to the live one that were compared with labels, and when the live one came."""
    live = versions.find_live_reward(session)
    if live is None or live.accuracy is None:
        return [], EVER
    published = (Reward.status == RewardStatus.PUBLISHED, Reward.version <= live.version, Reward.compared > 0)
    columns = (Reward.version, Reward.accuracy, Reward.compared, Reward.held_out)
    judged = []
    for row in session.execute(select(*columns).where(*published).order_by(Reward.version)):
        if row.accuracy is not None:
            compared = min(row.compared, row.held_out)
            judged.append(Judged(row.version, round(row.accuracy * compared), compared))
    return judged, live.created_at


def _given(session: Session, since: datetime, window: int) -> list[Given]:
    ours = (LabelRow.policy_version.is_not(None), LabelRow.created_at > since)
    rows = session.execute(
        select(LabelRow.policy_version, LabelRow.created_at)
        .where(*LEARNABLE, *ours)
        .order_by(LabelRow.id.desc())
        .limit(window)
    )
    return [Given(version, at) for version, at in reversed(rows.all()) if version is not None]


def _labels_due(session: Session, settings: Settings) -> bool:
    count = session.scalar(select(func.count(LabelRow.id)).where(*LEARNABLE)) or 0
    return settings.schedule is not Schedule.OFFLINE and count < settings.labels.budget
