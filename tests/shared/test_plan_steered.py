"""The plan with operators at work: paused services, what they ask for, and where it goes on after a rollback."""

from dataclasses import replace

import pytest

from shared.domain import LoopState, Service
from shared.messages import PruneCheckpoints, TrainPolicy, TrainReward
from shared.plan import plan
from tests.shared.test_plan import at, configured


def kinds(state: LoopState, schedule: str = "online") -> list[str]:
    return [message.kind for message in plan(state, configured(schedule))]


BUSY = at(1, r=1, labels=22, next_position=22)  # each worker has something to do


@pytest.mark.parametrize(
    ("paused", "left"),
    [
        (set(), ["sample_queries", "train_reward", "train_policy"]),
        ({Service.PPO}, ["sample_queries", "train_reward"]),
        ({Service.SAMPLER}, ["train_reward", "train_policy"]),
        ({Service.REWARD_TRAINER, Service.PPO}, ["sample_queries"]),
        ({Service.LABELING, Service.WEBHOOKS}, ["sample_queries", "train_reward", "train_policy"]),
    ],
)
def test_a_paused_service_gets_nothing_new_and_the_others_go_on(paused: set[Service], left: list[str]) -> None:
    assert kinds(replace(BUSY, services=frozenset(paused))) == left


def test_what_operators_ask_for_comes_when_the_loop_is_finished_or_blocked_too() -> None:
    expected = [PruneCheckpoints(request=5), TrainReward(version=8, labels=0, request=4)]
    for state in (at(3, r=3, labels=30), at(0, failed=("sample-0",))):
        asked = replace(state, retrain=4, prune=5, last_reward=7)
        assert list(plan(asked, configured("online"))) == expected
        assert plan(replace(asked, paused=True), configured("online")) == ()


def test_a_retraining_asked_for_takes_the_turn_of_the_schedule_s_and_not_its_place() -> None:
    asked = replace(BUSY, retrain=4, last_reward=1)
    trainings = [message for message in plan(asked, configured("online")) if isinstance(message, TrainReward)]
    assert trainings == [TrainReward(version=2, labels=0, request=4)]
    after = replace(BUSY, last_reward=2, reward_version=2)  # it was trained: the schedule is where it was
    trainings = [message for message in plan(after, configured("online")) if isinstance(message, TrainReward)]
    assert trainings == [TrainReward(version=3, labels=20)]
    assert kinds(replace(asked, training_reward=True)).count("train_reward") == 0  # one at a time


def test_after_a_rollback_numbers_go_on_and_the_parent_is_the_live_one() -> None:
    state = replace(BUSY, last_policy=4, last_reward=3)
    segments = [message for message in plan(state, configured("online")) if isinstance(message, TrainPolicy)]
    assert segments == [TrainPolicy(version=5, parent=1, reward_version=1)]
