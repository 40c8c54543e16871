"""The plan's every decision, row by row. (test_plan_played.py plays whole loops.)"""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.domain import LoopState, Schedule
from shared.messages import AnyMessage, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.plan import FUTILE, blocked, finished, labels_by, labels_wanted, plan, threshold, thresholds
from shared.settings import LabelSettings, Settings

REFERENCE = PublishReference()
BEGINNING = LoopState(
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


def configured(schedule: str, **labels: int) -> Settings:
    """Three segments of 80 episodes; labels wanted at 10, 20 and 30 of them; jobs of 8 queries, a backlog of 12."""
    return Settings.model_validate(
        {
            "schedule": schedule,
            "labels": {"initial": 10, "budget": 30, "retrainings": 3, **labels},
            "sampler": {"batch": 8, "backlog": 12},
            "ppo": {"episodes": 240, "batch": 8, "segment_batches": 10},
        }
    )


def sample(first: int, count: int, policy_version: int = 0) -> SampleQueries:
    return SampleQueries(first=first, count=count, policy_version=policy_version)


def reward(version: int, labels: int) -> TrainReward:
    return TrainReward(version=version, labels=labels)


def segment(version: int, reward_version: int) -> TrainPolicy:
    return TrainPolicy(version=version, reward_version=reward_version)


def at(segments: int, *, r: int = 0, labels: int = 0, **more: Any) -> LoopState:
    """After so many segments and reward trainings, all sound; `more` says what else differs from the beginning."""
    given = {"reward_version": r or None, **more}
    return replace(
        BEGINNING, policy_version=segments, episodes=80 * segments, reward_trainings=r, labels=labels, **given
    )


Row = tuple[str, LoopState, list[AnyMessage]]

EVERY_SCHEDULE: list[Row] = [
    ("nothing is there yet: ρ first", BEGINNING, [REFERENCE]),
    ("ρ is being published", replace(BEGINNING, training_policy=True), []),
    ("paused before anything", replace(BEGINNING, paused=True), []),
    ("paused in the middle", at(0, paused=True), []),
    ("a job was given up", at(0, failed=("sample-0",)), []),
    ("no query can be answered", at(0, next_position=FUTILE), []),
    ("all done", at(3, r=3, labels=30), []),
]

BATCHED: list[Row] = [
    ("the first stage's queries, in jobs of 8", at(0), [sample(0, 8), sample(8, 2)]),
    ("they are being answered", at(0, next_position=10, sampling=10), []),
    ("one job ended short: its rest waits for the other", at(0, next_position=10, sampling=8, open_queries=1), []),
    ("all ended, one short: the rest", at(0, next_position=10, open_queries=9), [sample(10, 1)]),
    ("people label", at(0, labels=3, next_position=10, open_queries=7), []),
    ("further answers spare a query", at(0, labels=6, next_position=8, open_queries=3), [sample(8, 1)]),
    ("further answers were quicker than first ones: r waits", at(0, labels=10, open_queries=3), []),
    ("and than the sampler: r waits", at(0, labels=10, sampling=3), []),
    ("further answers after the stage: the next asks for fewer", at(1, r=1, labels=13), [sample(0, 7, 1)]),
    ("one query retired: another", at(0, labels=3, next_position=10, open_queries=6), [sample(10, 1)]),
    ("the last label is missing", at(0, labels=9, next_position=10, open_queries=1), []),
    ("all labels: r's turn", at(0, labels=10, next_position=10), [reward(1, 10)]),
    ("more than all labels: r's turn", at(0, labels=12, next_position=10), [reward(1, 10)]),
    ("r is being trained", at(0, labels=10, next_position=10, training_reward=True), []),
    ("r is published: π's turn", at(0, r=1, labels=10), [segment(1, 1)]),
    ("labels enough for r 2 already: π's turn all the same", at(0, r=1, labels=20), [segment(1, 1)]),
    ("π is being trained: nobody labels meanwhile", at(0, r=1, labels=10, training_policy=True), []),
    ("the next stage asks the new π", at(1, r=1, labels=10, next_position=10), [sample(10, 8, 1), sample(18, 2, 1)]),
    ("the next stage's r", at(1, r=1, labels=20), [reward(2, 20)]),
    ("r 2 is rejected: π goes on with r 1", at(1, r=2, labels=20, reward_version=1), [segment(2, 1)]),
    ("the last stage: all the budget", at(2, r=2, labels=20, next_position=20), [sample(20, 8, 2), sample(28, 2, 2)]),
    ("the last r", at(2, r=2, labels=30), [reward(3, 30)]),
    ("the last segment", at(2, r=3, labels=30), [segment(3, 3)]),
    ("the last segment is being trained", at(2, r=3, labels=30, training_policy=True), []),
    (
        "r 1 is rejected: the next stage's labels at once",
        at(0, r=1, labels=10, reward_version=None, next_position=10),
        [sample(10, 8), sample(18, 2)],
    ),
    ("r 1 was rejected: r 2", at(0, r=1, labels=20, reward_version=None), [reward(2, 20)]),
    ("r 1 was rejected, r 2 is sound: π's turn", at(0, r=2, labels=20), [segment(1, 2)]),
    ("the second stage then has its labels and its r", at(1, r=2, labels=20), [segment(2, 2)]),
    ("every r is rejected", at(0, r=3, labels=30, reward_version=None), []),
]

# l(0) = 10, l(80) = 30 - 20 * 4/9 = 21.1 (22), l(160) = 30 - 20 / 9 = 27.8 (28)
ONLINE: list[Row] = [
    ("fill the backlog", at(0), [sample(0, 8), sample(8, 4)]),
    ("the backlog is under way", at(0, next_position=12, sampling=12), []),
    ("the backlog stands: no flood", at(0, next_position=12, open_queries=12), []),
    ("part of it is labeled: not worth a job yet", at(0, labels=5, open_queries=7), []),
    ("half of it is labeled: fill it again", at(0, labels=6, open_queries=6), [sample(0, 6)]),
    ("the other half is under way", at(0, labels=6, open_queries=6, sampling=6), []),
    ("stale queries retired: ask the newest π", at(1, r=1, labels=10), [sample(0, 8, 1), sample(8, 4, 1)]),
    ("r 1, and the sampler goes on", at(0, labels=10), [sample(0, 8), sample(8, 4), reward(1, 10)]),
    ("up to l(0) + backlog", at(0, labels=14, open_queries=2, training_reward=True), [sample(0, 6)]),
    ("and no further", at(0, labels=14, open_queries=8, training_reward=True), []),
    ("r 1 is published: π starts", at(0, r=1, labels=14, open_queries=8), [segment(1, 1)]),
    (
        "r 1 is rejected: on to the labels of r 2, beyond l(0) + backlog",
        at(0, r=1, labels=18, open_queries=2, reward_version=None),
        [sample(0, 8), sample(8, 2)],
    ),
    ("r 1 was rejected: r 2", at(0, r=1, labels=20, open_queries=10, reward_version=None), [reward(2, 20)]),
    ("every r is rejected", at(0, r=3, labels=30, reward_version=None), []),
    ("r retrains while π trains", at(0, r=1, labels=20, open_queries=2, training_policy=True), [reward(2, 20)]),
    ("π waits for l(80) labels", at(1, r=2, labels=21, open_queries=9), []),
    ("l(80) is reached: π goes on with the newest r", at(1, r=2, labels=22, open_queries=8), [segment(2, 2)]),
    ("r 2 is rejected: π goes on with r 1", at(1, r=2, labels=22, open_queries=8, reward_version=1), [segment(2, 1)]),
    ("π goes on while r retrains", at(2, r=2, labels=30, training_reward=True), [segment(3, 2)]),
    ("the last of the budget, however few", at(1, r=2, labels=21, open_queries=8), [sample(0, 1, 1)]),
    ("more labels than the budget, by further answers", at(2, r=3, labels=33, open_queries=2), [segment(3, 3)]),
    ("π is done before r: the last labels still count", at(3, r=2, labels=30), [reward(3, 30)]),
    ("π is done before the people are", at(3, r=2, labels=24, open_queries=6), []),
]

OFFLINE: list[Row] = [
    ("the whole budget", at(0), [sample(0, 8), sample(8, 8), sample(16, 8), sample(24, 6)]),
    ("10 labels are not enough here", at(0, labels=10, open_queries=20), []),
    ("all labels: r's turn", at(0, labels=30), [reward(1, 30)]),
    ("then π's", at(0, r=1, labels=30), [segment(1, 1)]),
    ("and on with the same r", at(1, r=1, labels=30), [segment(2, 1)]),
    ("all done", at(3, r=1, labels=30), []),
    ("r is rejected", at(0, r=1, labels=30, reward_version=None), []),
]

TABLE = {"batched": BATCHED, "online": ONLINE, "offline": OFFLINE}


@pytest.mark.parametrize(
    ("schedule", "state", "messages"),
    [
        pytest.param(schedule, state, messages, id=f"{schedule}: {name}")
        for schedule, rows in TABLE.items()
        for name, state, messages in EVERY_SCHEDULE + rows
    ],
)
def test_life_of_a_loop(schedule: str, state: LoopState, messages: list[AnyMessage]) -> None:
    settings = configured(schedule)
    assert list(plan(state, settings)) == messages
    assert list(plan(replace(state, paused=True), settings)) == []
    assert list(plan(replace(state, failed=("reward-1",)), settings)) == []


@pytest.mark.parametrize(
    ("schedule", "labels", "expected"),
    [
        ("online", {}, (10, 20, 30)),
        ("batched", {}, (10, 20, 30)),
        ("offline", {}, (30,)),
        ("online", {"retrainings": 1}, (30,)),
        ("online", {"retrainings": 7}, (10, 13, 16, 20, 23, 26, 30)),
        ("batched", {"retrainings": 7}, (10, 20, 30)),  # there are three segments
        ("batched", {"retrainings": 2}, (10, 30)),
        ("online", {"initial": 30}, (30,)),  # offline is N0 = N
        ("online", {"initial": 29, "retrainings": 20}, (29, 30)),  # training twice on the same labels teaches nothing
    ],
)
def test_thresholds(schedule: str, labels: dict[str, int], expected: tuple[int, ...]) -> None:
    assert thresholds(configured(schedule, **labels)) == expected


@pytest.mark.parametrize(("budget", "initial"), [(60_000, 3_000), (5_000, 250)])
def test_the_papers_trainings_are_one_and_19_more_at_twentieths_of_the_budget(budget: int, initial: int) -> None:
    labels = LabelSettings(budget=budget, initial=initial, retrainings=20)
    assert thresholds(Settings(schedule=Schedule.ONLINE, labels=labels)) == tuple(
        k * budget // 20 for k in range(1, 21)
    )


def test_the_papers_requests_stay_below_l_of_n_and_1000() -> None:
    """π waits where labels < l(n); the sampler goes on while requests, labels and queries ahead, are < l(n) + 1000."""
    settings = Settings.model_validate(
        {
            "schedule": "online",
            "labels": {"initial": 3_000, "budget": 60_000, "retrainings": 20},
            "sampler": {"batch": 100, "backlog": 1000},
            "ppo": {"episodes": 2_000_000, "batch": 512, "segment_batches": 50},
        }
    )
    ahead = replace(BEGINNING, policy_version=10, episodes=256_000, reward_trainings=5, reward_version=5)
    l_n = labels_by(settings, 256_000)
    assert l_n == math.ceil(3_000 + 57_000 * (1 - (1 - 256_000 / 2_000_000) ** 2))

    def asked(state: LoopState) -> int:
        return sum(message.count for message in plan(state, settings) if isinstance(message, SampleQueries))

    def trains(state: LoopState) -> bool:
        return any(isinstance(message, TrainPolicy) for message in plan(state, settings))

    for labels, open_queries, count in (
        (l_n - 1, 1001, 0),
        (l_n - 1, 900, 100),
        (l_n, 1000, 0),
        (l_n, 900, 100),
        (l_n + 900, 100, 0),  # the backlog would take 900 more, l(n) does not want them yet
        (l_n + 800, 100, 100),
    ):
        state = replace(ahead, labels=labels, open_queries=open_queries)
        assert asked(state) == count, state
        assert trains(state) == (labels >= l_n)


def test_a_segment_begun_is_a_segment() -> None:
    settings = Settings.model_validate(
        {"schedule": "batched", "ppo": {"episodes": 161, "batch": 8, "segment_batches": 10}}
    )
    assert len(thresholds(settings)) == 3


@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 25))
def test_thresholds_rise_evenly_from_initial_to_budget(initial: int, more: int, retrainings: int) -> None:
    labels = LabelSettings(initial=initial, budget=initial + more, retrainings=retrainings)
    counts = [threshold(labels, k) for k in range(retrainings)]
    assert counts[-1] == labels.budget
    if retrainings > 1:
        assert counts[0] == initial
        steps = {after - before for before, after in pairwise(counts)}
        assert max(steps) - min(steps) <= 1
        assert min(steps) >= 0


def test_labels_by_hand() -> None:
    settings = configured("online")
    assert [labels_by(settings, n) for n in (0, 80, 120, 160, 240, 999)] == [10, 22, 25, 28, 30, 30]


@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 4000), st.data())
@hypothesis_settings(deadline=None)
def test_labels_by_is_the_papers_curve_rounded_up(initial: int, more: int, planned: int, data: st.DataObject) -> None:
    settings = Settings.model_validate(
        {"labels": {"initial": initial, "budget": initial + more}, "ppo": {"episodes": planned}}
    )
    n = data.draw(st.integers(0, planned))
    curve = initial + more * (1 - (1 - n / planned) ** 2)
    assert curve - 1e-6 <= labels_by(settings, n) < curve + 1


def test_labels_wanted_is_what_the_loop_waits_for() -> None:
    states = [at(0), at(0, r=1, labels=10, reward_version=None), at(1, r=1, labels=10), at(3, r=2, labels=24)]
    wanted = {schedule: [labels_wanted(state, configured(schedule)) for state in states] for schedule in TABLE}
    assert wanted == {"batched": [10, 20, 20, 30], "online": [10, 20, 22, 30], "offline": [30, 30, 30, 30]}


@pytest.mark.parametrize("schedule", list(TABLE))
def test_finished_wants_both_the_episodes_and_the_trainings(schedule: str) -> None:
    settings = configured(schedule)
    done = at(3, r=3, labels=30)
    assert finished(done, settings)
    assert finished(replace(done, episodes=248), settings)  # the last batch may run over
    assert not finished(replace(done, episodes=239), settings)
    assert not finished(replace(done, reward_trainings=0), settings)


def test_a_loop_that_is_given_more_goes_on() -> None:
    done = at(3, r=3, labels=30, next_position=30)
    more = configured("batched", budget=40, retrainings=4)
    more = more.model_copy(update={"ppo": more.ppo.model_copy(update={"episodes": 320})})
    assert not finished(done, more)
    assert list(plan(done, more)) == [sample(30, 8, 3), sample(38, 2, 3)]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (at(0, failed=("reward-2", "sample-64")), "reward-2, sample-64 failed at every attempt"),
        (at(0, r=3, labels=30, reward_version=None), "none of 3 reward trainings gave a sound model"),
        (at(0, next_position=FUTILE + 8, sampling=8), f"none of {FUTILE} queries got 4 responses with '.' at token 16"),
    ],
)
def test_blocked_says_why(state: LoopState, words: str) -> None:
    reason = blocked(state, configured("online"))
    assert reason is not None
    assert reason.startswith(words)


@pytest.mark.parametrize(
    "state",
    [
        BEGINNING,
        at(0, paused=True),
        at(0, r=2, labels=20, reward_version=None),
        at(0, r=3, labels=30, reward_version=2),
        at(0, next_position=FUTILE + 8, sampling=9),
        at(0, next_position=FUTILE + 8, open_queries=1),
        at(0, next_position=FUTILE + 8, labels=1),
    ],
)
def test_not_blocked(state: LoopState) -> None:
    assert blocked(state, configured("online")) is None
