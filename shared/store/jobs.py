"""Jobs as the store remembers them. Redis only carries messages: what is not here does not happen.

    queued -> running -> done                   begin, then finish in the transaction that stores the result
                      -> queued, attempt + 1    failed, given back, or its worker died
                      -> failed                 after TRIES failures or DEATHS deaths; `retry_failed` tries it anew
           -> canceled                          an operator rolled back

`attempt` fences: only the attempt the store knows as running can finish, so one that was given up cannot publish.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Float, and_, case, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain import Job, JobState, LoopError
from shared.messages import Message
from shared.store.database import Database, storable
from shared.store.tables import JobRow

TRIES = 3
DEATHS = 10  # workers in a row that died while they had it: this job kills them
RETRY_SECONDS = 3.0  # before a failed job is tried again
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


class SupersededError(LoopError):
    """This attempt was given up meanwhile: its result must not be stored."""


def remember(db: Database, message: Message) -> Job:
    """Note a message before it is sent. One already known stays as it is."""
    with db.transaction() as session:
        note(session, message)
        return as_job(session.get_one(JobRow, message.key))


def note(session: Session, message: Message) -> None:
    """The same, in a transaction that does more."""
    row = {"key": message.key, "queue": message.queue, "message": message.model_dump(mode="json")}
    session.execute(insert(JobRow).values(**row, attempt=1, state=JobState.QUEUED).on_conflict_do_nothing())


def to_send(db: Database) -> list[Job]:
    """Queued jobs, those that failed just now left out for RETRY_SECONDS."""
    waited = (JobRow.failures == 0) | (seconds_since_sign() > RETRY_SECONDS)
    with db.snapshot() as session:
        rows = session.scalars(
            select(JobRow).where(JobRow.state == JobState.QUEUED, waited).order_by(JobRow.created_at, JobRow.key)
        )
        return [as_job(row) for row in rows]


def begin(db: Database, key: str, attempt: int, *, holder: str | None = None) -> Job | None:
    """Take a queued job. None where it is not to be done: it was done, taken or given up already.

    `holder`: the process that will run it (`presence.instance`).
    """
    wanted = and_(JobRow.key == key, JobRow.attempt == attempt, JobRow.state == JobState.QUEUED)
    with db.transaction() as session:
        row = session.scalar(
            update(JobRow)
            .where(wanted)
            .values(state=JobState.RUNNING, holder=holder, started_at=func.now(), heartbeat_at=func.now())
            .returning(JobRow)
        )
        return None if row is None else as_job(row)


def heartbeat(db: Database, key: str, attempt: int) -> bool:
    """A running job's sign of life. False where this attempt was given up."""
    with db.transaction() as session:
        alive = update(JobRow).where(_running(key, attempt)).values(heartbeat_at=func.now()).returning(JobRow.key)
        return session.scalar(alive) is not None


def finish(session: Session, key: str, attempt: int) -> None:
    """Call in the transaction that stores the result. SupersededError where this attempt was given up."""
    done = session.scalar(
        update(JobRow)
        .where(_running(key, attempt))
        .values(state=JobState.DONE, error=None, heartbeat_at=func.now(), finished_at=func.now())
        .returning(JobRow.key)
    )
    if done is None:
        raise SupersededError(f"attempt {attempt} of {key} was given up meanwhile: its result is not stored")


def is_done(db: Database, key: str, attempt: int) -> bool:
    """Whether this attempt stored its result."""
    done = (JobRow.key == key, JobRow.attempt == attempt, JobRow.state == JobState.DONE)
    with db.glance() as connection:
        return connection.execute(select(JobRow.key).where(*done)).one_or_none() is not None


def fail(db: Database, key: str, attempt: int, error: str) -> None:
    """Try again, or call it failed after TRIES failures."""
    again = _next_try(JobRow.failures + 1 >= TRIES, storable(error), failures=JobRow.failures + 1, deaths=0)
    with db.transaction() as session:
        session.execute(update(JobRow).where(_running(key, attempt)).values(**again))


def require_running(db: Database, key: str, attempt: int) -> None:
    """SupersededError where this attempt was given up or canceled. While the store is away, nobody knows: LoopError."""
    with db.glance() as connection:
        if connection.execute(select(JobRow.key).where(_running(key, attempt))).one_or_none() is None:
            raise SupersededError(f"attempt {attempt} of {key} was given up meanwhile")


def cancel(session: Session, kinds: Sequence[str]) -> list[str]:
    """End all unfinished and failed jobs of these kinds: they will not be done. Returns their keys."""
    theirs = (JobRow.message["kind"].as_string().in_(kinds), JobRow.state.in_((*UNFINISHED, JobState.FAILED)))
    gone = update(JobRow).where(*theirs).values(state=JobState.CANCELED, finished_at=func.now()).returning(JobRow.key)
    return sorted(session.scalars(gone))


def give_back(db: Database, key: str, attempt: int) -> None:
    """The worker stops before the job is done: no failure, the next worker takes it."""
    again = {"state": JobState.QUEUED, "attempt": JobRow.attempt + 1, "heartbeat_at": func.now()}
    with db.transaction() as session:
        session.execute(update(JobRow).where(_running(key, attempt)).values(**again))


def give_up_silent(db: Database, *, seconds: float) -> list[str]:
    """Queue again the running jobs without a sign of life for so long: their worker died. Returns their keys."""
    silent = and_(JobRow.state == JobState.RUNNING, seconds_since_sign() > seconds)
    again = _after_death(f"its worker gave no sign of life for {seconds:.0f} s")
    with db.transaction() as session:
        return list(session.scalars(update(JobRow).where(silent).values(**again).returning(JobRow.key)))


def take_back(db: Database, queue: str, *, gone: Callable[[str], bool]) -> list[str]:
    """Queue again the running jobs of a queue whose holder is `gone`, without a wait for its silence. Returns keys."""
    held = (JobRow.queue == queue, JobRow.state == JobState.RUNNING, JobRow.holder.is_not(None))
    with db.transaction() as session:
        rows = session.execute(select(JobRow.key, JobRow.attempt, JobRow.holder).where(*held)).all()
        taken: list[str] = []
        for key, attempt, holder in rows:
            if holder is not None and gone(holder):
                again = _after_death(f"its worker, process {holder}, ended without a word")
                ours = update(JobRow).where(_running(key, attempt)).values(**again).returning(JobRow.key)
                taken += session.scalars(ours)
        return taken


def retry_failed(session: Session) -> list[str]:
    """Give every failed job as many attempts as at its beginning: an operator asked for it. Returns their keys."""
    again = {
        "state": JobState.QUEUED,
        "attempt": JobRow.attempt + 1,
        "failures": 0,
        "deaths": 0,
        "heartbeat_at": func.now(),
    }
    failed = update(JobRow).where(JobRow.state == JobState.FAILED).values(**again).returning(JobRow.key)
    return sorted(session.scalars(failed))


def as_job(row: JobRow) -> Job:
    return Job(row.key, row.attempt, JobState(row.state), row.queue, row.message, row.error)


def seconds_since_sign() -> ColumnElement[float]:
    return cast(func.extract("epoch", func.clock_timestamp() - JobRow.heartbeat_at), Float)


def _running(key: str, attempt: int) -> ColumnElement[bool]:
    return and_(JobRow.key == key, JobRow.attempt == attempt, JobRow.state == JobState.RUNNING)


def _after_death(error: str) -> dict[str, object]:
    """No failure: whoever kills workers at random shall not end the loop."""
    return _next_try(JobRow.deaths + 1 >= DEATHS, error, deaths=JobRow.deaths + 1)


def _next_try(last: ColumnElement[bool], error: str, **counts: ColumnElement[int] | int) -> dict[str, object]:
    return {
        "state": case((last, JobState.FAILED), else_=JobState.QUEUED),
        "attempt": case((last, JobRow.attempt), else_=JobRow.attempt + 1),
        "error": error,
        "heartbeat_at": func.now(),
        **counts,
    }
