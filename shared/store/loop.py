"""The loop this store belongs to: what `plan` looks at, and what people look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain import ActionKind, Job, JobState, LeaseState, LoopError, LoopState, Purpose
from shared.messages import SampleQueries
from shared.settings import Settings
from shared.store import actions, jobs, stops, versions
from shared.store.database import Database
from shared.store.queries import LEARNABLE
from shared.store.tables import JobRow, Labeler, LabelRow, LeaseRow, Policy, PPOBatch, Query, Reward, Run

# What labels, versions and checkpoints were made with: other values would make another loop of the same rows.
IDENTITY = ("name", "seed", "task", "model.ref_policy")
SAMPLER = SampleQueries.queue
WAITING = (Query.purpose == Purpose.TRAINING, Query.answers == 0, ~Query.retired)  # for their first answer


@dataclass(frozen=True, slots=True)
class Batch:
    """The figures of one PPO batch, after which `episodes` were taken."""

    policy_version: int
    batch: int
    episodes: int
    stats: dict[str, float]


@dataclass(frozen=True, slots=True)
class LiveJob:
    """An unfinished job. `silent_seconds` since its last sign of life; None where it is not running."""

    job: Job
    silent_seconds: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What a person wants to see beside the state. `labels_over_time`: a point a label, when and how many by then."""

    unfinished: Sequence[LiveJob]
    failed: Sequence[Job]
    leases_open: int
    skipped: int
    oldest_open_seconds: float | None
    labelers: Sequence[tuple[str, int]]
    labels_over_time: Sequence[tuple[datetime, int]]


def start(db: Database, settings: Settings) -> None:
    """Say which loop this store belongs to, and give jobs that failed another try. Does no harm twice.

    LoopError where the store holds a loop that was started with another IDENTITY.
    """
    resolved = settings.without_secrets()
    with db.transaction() as session:
        session.execute(insert(Run).values(id=1, name=settings.name, settings=resolved).on_conflict_do_nothing())
        run = session.get_one(Run, 1)
        default = Settings().without_secrets()
        for key in IDENTITY:
            was, now = _setting(run.settings, key), _setting(resolved, key)
            if isinstance(was, Mapping):  # a setting that this store is older than had what is now its default
                was = {**_setting(default, key), **was}
            if was != now:
                raise LoopError(
                    f"this store holds a loop with {key} = {was}, not {now}: start it as it was, or name a new "
                    "folder or database"
                )
        _check_overrides(db, settings)
        run.settings = resolved
        jobs.retry_failed(session)


def _check_overrides(db: Database, settings: Settings) -> None:
    try:
        settings.changed(actions.overrides(db))
    except LoopError as error:
        way_out = "(some were changed while the loop ran: see `prefloop set`, and its --reset)"
        raise LoopError(f"{error}\n{way_out}") from None


def stored_settings(db: Database) -> dict[str, Any]:
    """The settings that the loop was last started with. LoopError where no loop was started here."""
    with db.snapshot() as session:
        run = session.get(Run, 1)
        if run is None:
            raise LoopError("this store holds no loop yet: run `prefloop migrate`")
        return run.settings


def state(db: Database) -> LoopState:
    """All that `plan` looks at, in one snapshot. LoopError where no loop was started here."""
    with db.snapshot() as session:
        if session.get(Run, 1) is None:
            raise LoopError("this store holds no loop yet: run `prefloop migrate`")
        policy, reward = versions.find_live_policy(session), versions.find_live_reward(session)
        newest_policy, newest_reward = (session.scalar(select(func.max(one.version))) for one in (Policy, Reward))
        last_policy = versions.last_given(session, "ppo", newest_policy)
        busy = set(session.scalars(select(JobRow.queue).where(JobRow.state.in_(jobs.UNFINISHED)).distinct()))
        failed = session.scalars(select(JobRow.key).where(JobRow.state == JobState.FAILED).order_by(JobRow.key))
        sampling, next_position = _positions(session)
        return LoopState(
            labels=_count(session, LabelRow.id, *LEARNABLE),
            open_queries=_count(session, Query.id, *WAITING),
            sampling=sampling,
            next_position=next_position,
            reward_trainings=_count(session, Reward.version, Reward.request_id.is_(None)),
            reward_version=reward.version if reward else None,
            policy_version=policy.version if policy else None,
            episodes=policy.episodes if policy else 0,
            training_reward="reward_trainer" in busy,
            training_policy="ppo" in busy,
            paused=stops.find(session) is not None,
            failed=tuple(failed),
            services=frozenset(stops.paused_services(session)),
            last_reward=versions.last_given(session, "reward_trainer", newest_reward) or 0,
            last_policy=-1 if last_policy is None else last_policy,
            retrain=actions.waiting(session, ActionKind.RETRAIN),
            prune=actions.waiting(session, ActionKind.PRUNE),
        )


def record_batch(db: Database, *, policy_version: int, batch: int, episodes: int, stats: Mapping[str, float]) -> None:
    """Note a PPO batch for the curves. A repeated attempt overwrites."""
    values = {"episodes": episodes, "stats": dict(stats), "created_at": func.now()}
    row = insert(PPOBatch).values(policy_version=policy_version, batch=batch, **values)
    with db.transaction() as session:
        session.execute(row.on_conflict_do_update(index_elements=["policy_version", "batch"], set_=values))


def batches(db: Database) -> list[Batch]:
    """All PPO batches in the order of their episodes."""
    with db.snapshot() as session:
        rows = session.scalars(select(PPOBatch).order_by(PPOBatch.episodes, PPOBatch.policy_version))
        return [Batch(row.policy_version, row.batch, row.episodes, row.stats) for row in rows]


def overview(db: Database) -> Overview:
    now = func.clock_timestamp()
    with db.snapshot() as session:
        unfinished: Sequence[Row[JobRow, float]] = session.execute(
            select(JobRow, jobs.seconds_since_sign())
            .where(JobRow.state.in_(jobs.UNFINISHED))
            .order_by(JobRow.created_at, JobRow.key)
        ).all()
        failed = session.scalars(
            select(JobRow).where(JobRow.state == JobState.FAILED).order_by(JobRow.created_at)
        ).all()
        oldest = session.scalar(select(func.extract("epoch", now - func.min(Query.created_at))).where(*WAITING))
        given = func.count().label("given")
        labelers = session.execute(
            select(Labeler.name, given)
            .join(LabelRow, LabelRow.labeler_id == Labeler.id)
            .where(LabelRow.retraction_id.is_(None))
            .group_by(Labeler.name)
            .order_by(given.desc(), Labeler.name)
        ).all()
        times = session.scalars(select(LabelRow.created_at).where(*LEARNABLE).order_by(LabelRow.created_at)).all()
        return Overview(
            unfinished=[
                LiveJob(jobs.as_job(row), silent if row.state == JobState.RUNNING else None)
                for row, silent in unfinished
            ],
            failed=[jobs.as_job(row) for row in failed],
            leases_open=_count(session, LeaseRow.id, LeaseRow.state == LeaseState.OPEN, LeaseRow.expires_at >= now),
            skipped=_count(session, LeaseRow.id, LeaseRow.state == LeaseState.SKIPPED),
            oldest_open_seconds=None if oldest is None else float(oldest),
            labelers=[(name, count) for name, count in labelers],
            labels_over_time=[(at, count) for count, at in enumerate(times, 1)],
        )


def _positions(session: Session) -> tuple[int, int]:
    """Queries promised by unfinished sampling jobs, and the first position that no sampling job has taken."""
    first, count = (cast(JobRow.message[name].astext, Integer) for name in ("first", "count"))
    promised = func.sum(count).filter(JobRow.state.in_(jobs.UNFINISHED))
    asked = JobRow.queue == SAMPLER
    sampling, after = (session.scalar(select(what).where(asked)) for what in (promised, func.max(first + count)))
    return sampling or 0, after or 0


def _count(session: Session, column: Any, *conditions: Any) -> int:
    return session.scalars(select(func.count(column)).where(*conditions)).one()


def _setting(settings: Mapping[str, Any], key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
