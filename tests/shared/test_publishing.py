"""A result is committed once, however often PostgreSQL goes away with its answer."""

from collections.abc import Callable

import pytest

from shared.messages import SampleQueries
from shared.publishing import stored
from shared.store import jobs, patience, queries
from shared.store.database import Database, StoreAwayError
from shared.store.jobs import SupersededError
from tests.shared.store.rows import add_policy, new_query, running, sql

MESSAGE = SampleQueries(first=0, count=1, policy_version=0)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "POLL_SECONDS", 0.01)


def away(times: int, store: Callable[[], object], *, done: bool) -> Callable[[], None]:
    """PostgreSQL goes away at so many commits: after it has done them, or before."""
    left = iter(range(times))

    def asked() -> None:
        gone = next(left, None) is not None
        if done or not gone:
            store()
        if gone:
            raise StoreAwayError("PostgreSQL does not answer")

    return asked


@pytest.mark.parametrize("done", [False, True])
def test_stored_once_whether_or_not_the_lost_commit_was_done(db: Database, done: bool) -> None:
    add_policy(db)
    job = running(db, MESSAGE)

    def add() -> int:
        return queries.add(db, job.key, job.attempt, [new_query(0)], policy_version=0)

    stored(db, job, away(2 if not done else 1, add, done=done))
    assert sql(db, "SELECT position FROM queries") == [(0,)]
    assert jobs.is_done(db, job.key, job.attempt)


@pytest.mark.parametrize("times", [0, 1])
def test_an_attempt_that_was_given_up_stores_nothing(db: Database, times: int) -> None:
    add_policy(db)
    job = running(db, MESSAGE)
    jobs.give_back(db, job.key, job.attempt)
    with pytest.raises(SupersededError):
        stored(db, job, away(times, lambda: queries.add(db, job.key, 1, [new_query(0)], policy_version=0), done=False))
    assert sql(db, "SELECT * FROM queries") == []


def test_a_result_is_not_taken_for_stored_because_another_was(db: Database) -> None:
    add_policy(db)
    job = running(db, MESSAGE)
    queries.add(db, job.key, job.attempt, [], policy_version=0)
    with pytest.raises(SupersededError):
        stored(db, job, lambda: queries.add(db, job.key, job.attempt, [new_query(0)], policy_version=0))
