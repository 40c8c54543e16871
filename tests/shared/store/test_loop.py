"""The loop as `plan` and as people see it, against rows made by hand."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from shared.domain import JobState, LoopError, LoopState, RewardStatus
from shared.messages import SampleQueries, TrainPolicy, TrainReward
from shared.settings import ModelSettings, Settings, TaskSettings
from shared.store import answers, jobs, loop, stops
from shared.store.database import Database
from shared.store.jobs import TRIES
from shared.store.loop import Batch
from tests.shared.store.rows import (
    add_person,
    add_policy,
    add_queries,
    add_reward,
    ask,
    job,
    label,
    running,
    seen,
    sql,
    take,
)

EMPTY = LoopState(
    labels=0,
    open_queries=0,
    sampling=0,
    next_position=0,
    reward_trainings=0,
    reward_version=None,
    policy_version=None,
    episodes=0,
    training_reward=False,
    training_policy=False,
    paused=False,
)
SETTINGS = Settings(operator_key=SecretStr("the operator's key"), redis_url=SecretStr("redis://:hidden@host"))


def test_no_loop_yet_is_said(db: Database) -> None:
    with pytest.raises(LoopError, match="prefloop migrate"):
        loop.state(db)


def test_a_loop_begins_empty(db: Database) -> None:
    loop.start(db, SETTINGS)
    assert loop.state(db) == EMPTY
    look = loop.overview(db)
    assert (look.unfinished, look.failed, look.labelers, look.labels_over_time) == ([], [], [], [])
    assert (look.leases_open, look.skipped, look.oldest_open_seconds) == (0, 0, None)
    assert loop.batches(db) == []


def test_the_state_counts_what_is_there(db: Database) -> None:
    loop.start(db, SETTINGS)
    add_policy(db)
    ada, grace = add_person(db, "ada"), add_person(db, "grace")
    add_queries(db, range(6))
    label(db, ada)
    label(db, ada)
    answers.skip(db, ada, take(db, ada).id, reason=None)
    take(db, grace)  # lent, but not answered: it still waits
    for version, status in ((1, RewardStatus.REJECTED), (2, RewardStatus.PUBLISHED), (3, RewardStatus.REJECTED)):
        add_reward(db, version, status)
    add_policy(db, 1, reward_version=2, episodes=1280)
    jobs.remember(db, SampleQueries(first=6, count=5, policy_version=1))
    running(db, SampleQueries(first=11, count=3, policy_version=1))
    jobs.remember(db, TrainReward(version=4, labels=9))
    running(db, TrainPolicy(version=2, reward_version=2))
    assert loop.state(db) == LoopState(
        labels=2,
        open_queries=3,
        sampling=8,
        next_position=14,
        reward_trainings=3,
        reward_version=2,
        policy_version=1,
        episodes=1280,
        training_reward=True,
        training_policy=True,
        paused=False,
        last_reward=4,
        last_policy=2,
    )


def test_a_query_waits_for_its_first_answer_not_for_more(db: Database) -> None:
    """A lone labeler gives no second answer: what waits for one is no work that the loop could count on."""
    loop.start(db, SETTINGS)
    add_policy(db)
    add_queries(db, range(3), wanted=5)
    ada = add_person(db, "ada")
    for given in range(3):
        assert (loop.state(db).labels, loop.state(db).open_queries) == (given, 3 - given)
        assert loop.overview(db).oldest_open_seconds is not None
        label(db, ada)
    assert ask(db, ada) is None
    assert loop.overview(db).oldest_open_seconds is None
    label(db, add_person(db, "grace"))
    assert (loop.state(db).labels, loop.state(db).open_queries) == (4, 0)


def test_a_failed_job_is_named_and_under_way_no_more(db: Database) -> None:
    loop.start(db, SETTINGS)
    for message in (TrainReward(version=1, labels=9), SampleQueries(first=0, count=4, policy_version=0)):
        jobs.remember(db, message)
        for attempt in range(1, TRIES + 1):
            jobs.begin(db, message.key, attempt)
            jobs.fail(db, message.key, attempt, "no memory left")
    state = loop.state(db)
    assert state.failed == ("reward-1", "sample-0")
    assert (state.training_reward, state.sampling, state.next_position) == (False, 0, 4)
    assert loop.overview(db).failed == [job(db, "reward-1"), job(db, "sample-0")]
    loop.start(db, SETTINGS)  # an operator's way out
    assert loop.state(db).failed == ()
    assert seen(db, "reward-1") == (JobState.QUEUED, TRIES + 1)
    assert loop.state(db).training_reward


def test_a_stopped_line_pauses_until_somebody_resumes(db: Database) -> None:
    loop.start(db, SETTINGS)
    stops.stop(db, by="ada", reason="odd texts")
    loop.start(db, SETTINGS)
    assert loop.state(db).paused
    stops.resume(db, by="operator")
    assert not loop.state(db).paused


def test_started_again_with_other_figures_the_new_ones_are_kept_and_no_secret(db: Database) -> None:
    loop.start(db, SETTINGS)
    loop.start(db, SETTINGS.model_copy(update={"ppo": SETTINGS.ppo.model_copy(update={"lr": 0.5})}))
    [(settings, text)] = sql(db, "SELECT settings, settings::text FROM run")
    assert settings["ppo"]["lr"] == 0.5
    assert "hidden" not in text
    assert "the operator's key" not in text


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"name": "other"}, "name = demo, not other"),
        ({"seed": 2}, "seed = 1, not 2"),
        ({"task": TaskSettings(response_tokens=20)}, "task = .*24.*, not .*20"),
        ({"model": ModelSettings(ref_policy="gpt2")}, "model.ref_policy = embedded, not gpt2"),
    ],
)
def test_another_loop_is_not_started_on_the_same_rows(db: Database, other: dict[str, object], said: str) -> None:
    loop.start(db, SETTINGS)
    before = sql(db, "SELECT * FROM run")
    with pytest.raises(LoopError, match=f"this store holds a loop with {said}"):
        loop.start(db, SETTINGS.model_copy(update=other))
    assert sql(db, "SELECT * FROM run") == before


def test_a_repeated_batch_overwrites(db: Database) -> None:
    for policy_version, batch, episodes, score in (
        (2, 3, 192, 0.1),
        (1, 1, 64, 0.2),
        (1, 2, 128, 0.3),
        (2, 3, 192, 0.9),
    ):
        loop.record_batch(
            db, policy_version=policy_version, batch=batch, episodes=episodes, stats={"score": score, "kl": 1.0}
        )
    assert loop.batches(db) == [
        Batch(1, 1, 64, {"score": 0.2, "kl": 1.0}),
        Batch(1, 2, 128, {"score": 0.3, "kl": 1.0}),
        Batch(2, 3, 192, {"score": 0.9, "kl": 1.0}),
    ]


def test_the_overview(db: Database) -> None:
    add_policy(db)
    people = [add_person(db, name) for name in ("ada", "grace", "alan")]
    before = datetime.now(UTC)
    add_queries(db, range(8))
    for person in (people[0], people[1], people[1]):
        label(db, person)
    for person in people[:2]:
        take(db, person)
    sql(db, "UPDATE leases SET expires_at = now() WHERE state = 'open' AND labeler_id = :id", id=people[0])
    skipped = take(db, people[2])  # sweeps the one above
    answers.skip(db, people[2], skipped.id, reason=None)
    sql(db, "UPDATE queries SET created_at = created_at - interval '1 hour' WHERE answers > 0 OR retired")
    sql(db, "UPDATE queries SET created_at = created_at - interval '1 minute' WHERE position = 7")
    running(db, TrainReward(version=1, labels=1))
    sql(db, "UPDATE jobs SET heartbeat_at = heartbeat_at - interval '20 seconds' WHERE key = 'reward-1'")
    jobs.remember(db, TrainReward(version=2, labels=1))

    look = loop.overview(db)
    assert [live.job for live in look.unfinished] == [job(db, "reward-1"), job(db, "reward-2")]
    silent, queued = (live.silent_seconds for live in look.unfinished)
    assert silent is not None
    assert 20 <= silent < 50
    assert queued is None
    assert look.failed == []
    assert (look.leases_open, look.skipped) == (1, 1)
    assert look.oldest_open_seconds is not None
    assert 60 <= look.oldest_open_seconds < 90
    assert look.labelers == [("grace", 2), ("ada", 1)]
    assert [count for _, count in look.labels_over_time] == [1, 2, 3]
    times = [at for at, _ in look.labels_over_time]
    assert times == sorted(times)
    assert before < times[0] <= times[-1] < datetime.now(UTC)
