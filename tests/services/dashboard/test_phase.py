"""The loop in words, from states written by hand."""

from datetime import UTC, datetime

import pytest

from services.dashboard.phase import phase
from shared.domain import Job, JobState, LoopState, Schedule, Stop
from shared.messages import Message, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.settings import Settings

SETTINGS = Settings()  # 300 labels first, 1,200 in all, 7,680 episodes


def state(**changed: object) -> LoopState:
    values: dict[str, object] = {
        "labels": 120,
        "open_queries": 40,
        "sampling": 0,
        "next_position": 200,
        "reward_trainings": 0,
        "reward_version": None,
        "policy_version": 0,
        "episodes": 0,
        "training_reward": False,
        "training_policy": False,
        "paused": False,
    }
    return LoopState(**values | changed)  # type: ignore[arg-type]


def job(message: Message, state: JobState = JobState.RUNNING) -> Job:
    return Job(message.key, 1, state, message.queue, message.model_dump(), None)


def test_people_are_waited_for() -> None:
    said = phase(state(), SETTINGS, [], leases=3)
    assert (said.kind, said.headline) == ("waiting", "Collecting labels")
    assert said.waits_for == "180 more labels, 300 in all"
    assert said.doing == ["3 people label"]
    assert phase(state(labels=299), SETTINGS, [], leases=1).waits_for == "1 more label, 300 in all"


@pytest.mark.parametrize(
    ("message", "headline", "doing"),
    [
        (PublishReference(), "Importing the reference policy", "import of the reference policy"),
        (TrainReward(version=2, labels=480), "Training the reward model", "training of reward model 2"),
        (
            TrainPolicy(version=4, reward_version=2),
            "Training the policy",
            "training of policy 4 with reward model 2",
        ),
        (
            SampleQueries(first=32, count=32, policy_version=1),
            "Answering queries",
            "policy 1 answers queries 32 to 63",
        ),
    ],
)
def test_jobs_are_named(message: Message, headline: str, doing: str) -> None:
    now = state(open_queries=0)
    said = phase(now, SETTINGS, [job(message)], leases=0)
    assert (said.kind, said.headline, said.doing) == ("working", headline, [doing])
    assert phase(now, SETTINGS, [job(message, JobState.QUEUED)], leases=0).doing == [f"queued: {doing}"]


def test_training_comes_before_sampling_in_the_headline() -> None:
    jobs = [job(SampleQueries(first=0, count=1, policy_version=1)), job(TrainPolicy(version=2, reward_version=1))]
    said = phase(state(labels=400, training_policy=True), SETTINGS, jobs, leases=0)
    assert said.headline == "Training the policy"
    assert said.waits_for is None


def test_before_anything_is_there() -> None:
    said = phase(state(policy_version=None, labels=0, open_queries=0, next_position=0), SETTINGS, [], leases=0)
    assert (said.kind, said.headline, said.waits_for) == ("waiting", "Starting", None)


def test_a_pause_waits_for_an_operator() -> None:
    stop = Stop(1, "ada", "odd texts", datetime.now(UTC))
    said = phase(state(paused=True), SETTINGS, [], leases=0, stop=stop)
    assert (said.kind, said.headline) == ("paused", "Paused")
    assert said.waits_for is not None
    assert "an operator to resume: ada stopped the line (odd texts)" in said.waits_for


def test_failure_names_the_job() -> None:
    said = phase(state(failed=("reward-3",)), SETTINGS, [], leases=0)
    assert (said.kind, said.headline) == ("failed", "Stopped")
    assert said.waits_for is not None
    assert "reward-3" in said.waits_for


@pytest.mark.parametrize("schedule", list(Schedule))
def test_the_end(schedule: Schedule) -> None:
    settings = SETTINGS.model_copy(update={"schedule": schedule})
    done = state(labels=1200, reward_trainings=6, reward_version=6, policy_version=6, episodes=4608)
    said = phase(done, settings, [], leases=0)
    assert (said.kind, said.headline, said.waits_for) == ("finished", "Finished", None)
