"""Jobs are begun once, and only the attempt that the store knows can publish."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.domain import Job, JobState
from shared.messages import SampleQueries, TrainReward
from shared.store import jobs, queries
from shared.store.database import Database
from shared.store.jobs import DEATHS, TRIES, SupersededError
from tests.shared.store.rows import add_policy, job, new_query, running, seen, sql

MESSAGE = SampleQueries(first=0, count=2, policy_version=0)
KEY = MESSAGE.key


def age(db: Database, seconds: float) -> None:
    """Let so much time go by."""
    sql(db, "UPDATE jobs SET heartbeat_at = heartbeat_at - make_interval(secs => :seconds)", seconds=seconds)


def test_remembered_once_whatever_comes_again(db: Database) -> None:
    first = jobs.remember(db, MESSAGE)
    assert first == Job(KEY, 1, JobState.QUEUED, "sampler", MESSAGE.model_dump(), None)
    assert jobs.remember(db, SampleQueries(first=0, count=99, policy_version=7)) == first
    jobs.begin(db, KEY, 1)
    assert jobs.remember(db, MESSAGE).state is JobState.RUNNING


def test_begun_once_under_16_threads(db: Database) -> None:
    jobs.remember(db, MESSAGE)
    with ThreadPoolExecutor(16) as pool:
        begun = [found for found in pool.map(lambda _: jobs.begin(db, KEY, 1), range(16)) if found is not None]
    assert begun == [Job(KEY, 1, JobState.RUNNING, "sampler", MESSAGE.model_dump(), None)]


def test_an_unknown_job_or_attempt_does_not_begin(db: Database) -> None:
    jobs.remember(db, MESSAGE)
    assert jobs.begin(db, "sample-1", 1) is jobs.begin(db, KEY, 2) is None
    assert seen(db, KEY) == (JobState.QUEUED, 1)


def test_an_older_attempt_cannot_publish_and_nothing_of_it_is_stored(db: Database) -> None:
    add_policy(db)
    running(db, MESSAGE)
    age(db, 60)
    assert jobs.give_up_silent(db, seconds=30) == [KEY]
    again = jobs.begin(db, KEY, 2)
    assert again is not None
    with pytest.raises(SupersededError, match="attempt 1 of sample-0 was given up"):
        queries.add(db, KEY, 1, [new_query(0)], policy_version=0)
    assert sql(db, "SELECT * FROM queries") == []
    assert seen(db, KEY) == (JobState.RUNNING, 2)
    queries.add(db, KEY, 2, [new_query(0), new_query(1)], policy_version=0)
    assert sql(db, "SELECT count(*) FROM queries") == [(2,)]
    assert seen(db, KEY) == (JobState.DONE, 2)


def test_a_result_is_stored_once(db: Database) -> None:
    running(db, MESSAGE)
    queries.add(db, KEY, 1, [], policy_version=0)
    with pytest.raises(SupersededError):
        queries.add(db, KEY, 1, [], policy_version=0)


def test_what_comes_late_from_an_older_attempt_changes_nothing(db: Database) -> None:
    running(db, MESSAGE)
    assert jobs.heartbeat(db, KEY, 1)
    jobs.give_back(db, KEY, 1)
    for _ in range(2):  # before and after the second attempt begins
        assert not jobs.heartbeat(db, KEY, 1)
        before = job(db, KEY)
        jobs.fail(db, KEY, 1, "too late")
        jobs.give_back(db, KEY, 1)
        assert job(db, KEY) == before
        assert before.attempt == 2
        jobs.begin(db, KEY, 2)


def test_failed_after_so_many_tries_and_an_operator_gives_as_many_more(db: Database) -> None:
    jobs.remember(db, MESSAGE)
    for start in (1, TRIES + 1):
        for attempt in range(start, start + TRIES):
            assert seen(db, KEY) == (JobState.QUEUED, attempt)
            assert jobs.begin(db, KEY, attempt) is not None
            jobs.fail(db, KEY, attempt, f"error {attempt}")
            assert job(db, KEY).error == f"error {attempt}"
        assert seen(db, KEY) == (JobState.FAILED, start + TRIES - 1)
        assert jobs.to_send(db) == []
        with db.transaction() as session:
            jobs.retry_failed(session)


def test_retry_leaves_other_jobs_alone(db: Database) -> None:
    running(db, MESSAGE)
    jobs.remember(db, TrainReward(version=1, labels=1))
    with db.transaction() as session:
        jobs.retry_failed(session)
    assert (seen(db, KEY), seen(db, "reward-1")) == ((JobState.RUNNING, 1), (JobState.QUEUED, 1))


def test_success_forgets_the_error_before_it(db: Database) -> None:
    running(db, MESSAGE)
    jobs.fail(db, KEY, 1, "once")
    jobs.begin(db, KEY, 2)
    queries.add(db, KEY, 2, [], policy_version=0)
    assert job(db, KEY).error is None


def test_an_error_may_hold_any_character(db: Database) -> None:
    running(db, MESSAGE)
    jobs.fail(db, KEY, 1, "a\0b \udcff ä\nnext line")
    assert job(db, KEY).error == "a\N{REPLACEMENT CHARACTER}b \\udcff ä\nnext line"


def test_only_the_silent_are_given_up(db: Database) -> None:
    running(db, MESSAGE)
    age(db, 31)
    running(db, TrainReward(version=1, labels=1))
    jobs.remember(db, TrainReward(version=2, labels=1))
    assert jobs.give_up_silent(db, seconds=30) == [KEY]
    assert jobs.give_up_silent(db, seconds=30) == []
    assert seen(db, KEY) == (JobState.QUEUED, 2)
    assert job(db, KEY).error == "its worker gave no sign of life for 30 s"
    assert seen(db, "reward-1") == (JobState.RUNNING, 1)


def test_a_heartbeat_keeps_a_job_alive(db: Database) -> None:
    running(db, MESSAGE)
    age(db, 60)
    assert jobs.heartbeat(db, KEY, 1)
    assert jobs.give_up_silent(db, seconds=30) == []


def test_taken_back_from_a_holder_that_is_gone_alone(db: Database) -> None:
    for number, holder in enumerate(("here/1", "here/2", "there/1", None)):
        jobs.remember(db, SampleQueries(first=number, count=1, policy_version=0))
        jobs.begin(db, f"sample-{number}", 1, holder=holder)
    jobs.remember(db, TrainReward(version=1, labels=1))
    jobs.begin(db, "reward-1", 1, holder="here/1")
    assert jobs.take_back(db, "sampler", gone=lambda holder: holder == "here/1") == [KEY]
    assert job(db, KEY).error == "its worker, process here/1, ended without a word"
    assert [found.key for found in jobs.to_send(db)] == [KEY]  # at once: nothing failed
    with pytest.raises(SupersededError):
        jobs.require_running(db, KEY, 1)
    assert [seen(db, f"sample-{number}") for number in (1, 2, 3)] == [(JobState.RUNNING, 1)] * 3
    assert seen(db, "reward-1") == (JobState.RUNNING, 1)


def die(db: Database, attempt: int) -> None:
    """A worker begins the job and is killed: some are noticed by their process, some by their silence."""
    assert jobs.begin(db, KEY, attempt, holder="here/1") is not None
    age(db, 60)
    if attempt % 2:
        jobs.give_up_silent(db, seconds=30)
    else:
        jobs.take_back(db, "sampler", gone=lambda _: True)


def test_deaths_are_no_failures_but_a_job_that_kills_every_worker_ends(db: Database) -> None:
    jobs.remember(db, MESSAGE)
    for attempt in range(1, DEATHS):
        die(db, attempt)
    assert seen(db, KEY) == (JobState.QUEUED, DEATHS)
    jobs.begin(db, KEY, DEATHS)
    jobs.fail(db, KEY, DEATHS, "a word")  # so they are not in a row
    for attempt in range(DEATHS + 1, 2 * DEATHS + 1):
        assert seen(db, KEY) == (JobState.QUEUED, attempt)
        die(db, attempt)
    assert seen(db, KEY) == (JobState.FAILED, 2 * DEATHS)
    with db.transaction() as session:
        assert jobs.retry_failed(session) == [KEY]
    die(db, 2 * DEATHS + 1)
    assert seen(db, KEY) == (JobState.QUEUED, 2 * DEATHS + 2)


def test_giving_back_is_no_failure(db: Database) -> None:
    jobs.remember(db, MESSAGE)
    for attempt in range(1, TRIES + 2):
        jobs.begin(db, KEY, attempt)
        jobs.give_back(db, KEY, attempt)
    jobs.begin(db, KEY, TRIES + 2)
    jobs.fail(db, KEY, TRIES + 2, "once")
    assert seen(db, KEY) == (JobState.QUEUED, TRIES + 3)


def test_a_job_given_back_is_sent_at_once_and_has_no_error(db: Database) -> None:
    running(db, MESSAGE)
    assert jobs.to_send(db) == []
    jobs.give_back(db, KEY, 1)
    assert jobs.to_send(db) == [Job(KEY, 2, JobState.QUEUED, "sampler", MESSAGE.model_dump(), None)]


def test_what_just_failed_waits_before_it_is_sent(db: Database) -> None:
    running(db, MESSAGE)
    jobs.fail(db, KEY, 1, "no memory left")
    other = jobs.remember(db, TrainReward(version=1, labels=1))
    assert jobs.to_send(db) == [other]
    age(db, jobs.RETRY_SECONDS + 0.1)
    assert [found.key for found in jobs.to_send(db)] == [KEY, "reward-1"]
