"""Whole loops played to their end: a world that does what the messages say, in any order, and loses and doubles some.

The world keeps what the label store would. Queues, people and workers are its moves; `plan` sees only its LoopState.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.domain import LoopState, Schedule
from shared.messages import AnyMessage, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.plan import blocked, finished, plan, thresholds
from shared.settings import Settings

MOVES = 20_000  # far more than any loop here needs


def always(_: int) -> bool:
    return True


def never(_: int) -> bool:
    return False


@dataclass(frozen=True)
class Fate:
    """`answers(position)`: does the sampler find enough responses there; `sound(version)`: is that reward model."""

    answers: Callable[[int], bool] = always
    sound: Callable[[int], bool] = always


@dataclass
class World:
    settings: Settings
    chance: random.Random
    fate: Fate = Fate()
    labels: int = 0
    open_queries: list[int] = field(default_factory=list)  # the policy version of each
    people: int = 1  # each query that several shall answer gets one answer more by each of the others, some day
    repeats: int = 0  # answers that such queries still wait for
    rewards: list[bool] = field(default_factory=list)
    policy_version: int | None = None
    episodes: int = 0
    jobs: dict[str, AnyMessage] = field(default_factory=dict)  # by key, in the order in which they were first sent
    done: set[str] = field(default_factory=set)
    queue: list[str] = field(default_factory=list)

    @property
    def state(self) -> LoopState:
        unfinished = [message for key, message in self.jobs.items() if key not in self.done]
        asked = [message for message in self.jobs.values() if isinstance(message, SampleQueries)]
        return LoopState(
            labels=self.labels,
            open_queries=len(self.open_queries),
            sampling=sum(message.count for message in unfinished if isinstance(message, SampleQueries)),
            next_position=max((message.first + message.count for message in asked), default=0),
            reward_trainings=len(self.rewards),
            reward_version=max((i for i, sound in enumerate(self.rewards, start=1) if sound), default=None),
            policy_version=self.policy_version,
            episodes=self.episodes,
            training_reward=any(isinstance(message, TrainReward) for message in unfinished),
            training_policy=any(isinstance(message, PublishReference | TrainPolicy) for message in unfinished),
            paused=False,
        )

    def tick(self) -> None:
        """The orchestrator: plan, remember, send. Unfinished jobs whose message is lost are sent again."""
        messages = plan(self.state, self.settings)
        somebody_busy = messages or self.open_queries or len(self.done) < len(self.jobs)
        assert somebody_busy, f"deadlock: {self.state}"
        for message in messages:
            assert message.key not in self.jobs, f"{message.key} is planned twice"
            self.jobs[message.key] = message
        self.queue += [key for key in self.jobs if key not in self.done and key not in self.queue]

    def work(self, key: str) -> None:
        """A worker: does a job's work once, however often its message comes."""
        if key in self.done:
            return
        self.done.add(key)
        match self.jobs[key]:
            case PublishReference():
                self.policy_version = 0
            case SampleQueries() as job:
                found = [i for i in range(job.first, job.first + job.count) if self.fate.answers(i)]
                self.open_queries += [job.policy_version] * len(found)
            case TrainReward() as job:
                assert job.version == len(self.rewards) + 1
                assert self.labels >= job.labels
                self.rewards.append(self.fate.sound(job.version))
            case TrainPolicy() as job:
                assert self.rewards[job.reward_version - 1], "trained with a rejected reward model"
                self._train_policy(job)

    def _train_policy(self, job: TrainPolicy) -> None:
        assert self.policy_version == job.version - 1
        ppo = self.settings.ppo
        for _ in range(ppo.segment_batches):
            if self.episodes < ppo.episodes:
                self.episodes += ppo.batch
        self.policy_version = job.version
        if self.settings.schedule is Schedule.ONLINE:
            oldest = job.version - self.settings.sampler.staleness
            self.open_queries = [version for version in self.open_queries if version >= oldest]

    def label(self) -> None:
        """A first answer, or a further one."""
        if self.repeats and self.chance.random() < 0.5:
            self.repeats -= 1
        else:
            self.open_queries.pop(self.chance.randrange(len(self.open_queries)))
            self.repeats += (self.people - 1) * (self.chance.random() < 0.2)
        self.labels += 1

    def move(self) -> None:
        """One thing that can happen, by chance."""
        kind = self.chance.choice(["tick", "work", "double", "lose", "label", "label"])
        if kind == "label" and self.open_queries:
            self.label()
        elif kind == "lose" and self.queue:
            self.queue.pop(self.chance.randrange(len(self.queue)))
        elif kind == "double" and self.jobs:
            self.queue.append(self.chance.choice(list(self.jobs)))
        elif kind == "work" and self.queue:
            self.work(self.queue.pop(self.chance.randrange(len(self.queue))))
        else:
            self.tick()


def play(world: World) -> None:
    """Move by move until the loop has finished or says that it is blocked; the promises hold after every move."""
    for _ in range(MOVES):
        state = world.state
        check(world, state)
        if finished(state, world.settings) or blocked(state, world.settings) is not None:
            return
        world.move()
    raise AssertionError(f"no end: {world.state}")


def check(world: World, state: LoopState) -> None:
    ahead = state.open_queries + state.sampling
    alone = world.people == 1  # further answers come when they come
    assert not alone or state.labels + ahead <= world.settings.labels.budget, "more asked of people than the budget"
    busy = [message.queue for key, message in world.jobs.items() if key not in world.done]
    assert busy.count("ppo") <= 1
    assert busy.count("reward_trainer") <= 1
    if world.settings.schedule is Schedule.ONLINE:
        assert ahead <= world.settings.sampler.backlog, "flooded"
    else:
        assert len(set(busy)) <= 1, "two services at once"
        assert not state.open_queries or set(busy) <= {"sampler"}, "queries wait while something trains"


def configured(schedule: Schedule, **more: Any) -> Settings:
    sections: dict[str, dict[str, Any]] = {
        "labels": {"initial": 10, "budget": 40, "retrainings": 4},
        "sampler": {"batch": 4, "backlog": 8},
        "ppo": {"episodes": 256, "batch": 8, "segment_batches": 8},
    }
    for key, value in more.items():
        section, name = key.split("__")
        sections[section][name] = value
    return Settings.model_validate({"schedule": schedule, **sections})


SETTINGS: dict[str, dict[str, Any]] = {
    "four segments, four trainings": {},
    "more segments than trainings": {"ppo__segment_batches": 3},
    "more trainings than segments": {"labels__retrainings": 9},
    "budget not divisible": {"labels__budget": 41, "labels__initial": 7, "labels__retrainings": 3},
    "episodes not divisible": {"ppo__episodes": 250},
    "one training": {"labels__retrainings": 1},
    "all labels first": {"labels__initial": 40},
    "one segment": {"ppo__segment_batches": 999},
    "one label": {"labels__initial": 1, "labels__budget": 1},
    "a backlog of one": {"sampler__backlog": 1},
    "jobs larger than the backlog": {"sampler__batch": 100},
    "jobs of one query": {"sampler__batch": 1},
    "queries retire at once": {"sampler__staleness": 0},
}
FATES = {
    "all goes well": Fate(),
    "r 1 is rejected": Fate(sound=lambda version: version != 1),
    "r 2 and r 4 are rejected": Fate(sound=lambda version: version not in (2, 4)),
    "every third query has no answer": Fate(answers=lambda position: position % 3 != 0),
    "few queries have an answer, r 1 is rejected": Fate(
        answers=lambda position: position % 7 == 0, sound=lambda version: version != 1
    ),
}


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("changes", SETTINGS)
@pytest.mark.parametrize("schedule", list(Schedule))
def test_a_loop_ends_with_what_was_wanted(schedule: Schedule, changes: str, fate: str) -> None:
    settings = configured(schedule, **SETTINGS[changes])
    played = World(settings, random.Random(f"{schedule} {changes} {fate}"), FATES[fate])
    play(played)
    counts = thresholds(settings)
    if not any(played.rewards):  # every training was rejected: the loop may stop, and must say so
        assert blocked(played.state, settings) is not None
        assert len(played.rewards) == len(counts)
        assert played.policy_version == 0
        return
    assert finished(played.state, settings)
    assert played.labels == settings.labels.budget
    assert len(played.rewards) == len(counts)
    assert settings.ppo.episodes <= played.episodes < settings.ppo.episodes + settings.ppo.batch
    assert played.policy_version == -(-played.episodes // (settings.ppo.batch * settings.ppo.segment_batches))
    assert [job.labels for job in played.jobs.values() if isinstance(job, TrainReward)] == list(counts)
    assert not played.open_queries
    assert played.done == set(played.jobs)
    assert plan(played.state, settings) == ()


@pytest.mark.parametrize("schedule", list(Schedule))
@given(st.integers(0, 2**32), st.integers(2, 5), st.sampled_from(sorted(SETTINGS)), st.sampled_from(sorted(FATES)))
@hypothesis_settings(deadline=None, max_examples=25)
def test_a_loop_ends_however_many_answer_a_query(
    schedule: Schedule, seed: int, people: int, changes: str, fate: str
) -> None:
    settings = configured(schedule, **SETTINGS[changes])
    played = World(settings, random.Random(seed), FATES[fate], people=people)
    play(played)
    trainings = [job.labels for job in played.jobs.values() if isinstance(job, TrainReward)]
    assert trainings == list(thresholds(settings))
    assert finished(played.state, settings) == any(played.rewards)
    assert played.labels >= settings.labels.budget
    if schedule is not Schedule.ONLINE and FATES[fate].answers is always:  # no query retires or is passed over
        assert played.state.next_position <= settings.labels.budget, "further answers cost queries"


@pytest.mark.parametrize("schedule", list(Schedule))
def test_a_policy_that_never_answers_properly_stops_the_loop(schedule: Schedule) -> None:
    played = World(configured(schedule), random.Random(1), Fate(answers=never))
    play(played)
    reason = blocked(played.state, played.settings)
    assert reason is not None
    assert "responses with '.'" in reason


@pytest.mark.parametrize("schedule", [Schedule.BATCHED, Schedule.OFFLINE])
@given(st.integers(0, 2**32), st.sampled_from(sorted(SETTINGS)), st.sampled_from(sorted(FATES)))
@hypothesis_settings(deadline=None, max_examples=25)
def test_what_is_sent_does_not_hang_on_the_order_in_which_things_happen(
    schedule: Schedule, seed: int, changes: str, fate: str
) -> None:
    sent = []
    for chance in (random.Random(0), random.Random(seed)):
        played = World(configured(schedule, **SETTINGS[changes]), chance, FATES[fate])
        play(played)
        sent.append(list(played.jobs.values()))
    assert sent[0] == sent[1]


@given(st.integers(0, 2**32))
@hypothesis_settings(deadline=None, max_examples=20)
def test_online_overlaps_without_ever_flooding(seed: int) -> None:
    """Labels, retraining and π run beside each other in some order; `check` holds after each move."""
    played = World(configured(Schedule.ONLINE, sampler__staleness=0), random.Random(seed))
    play(played)
    assert finished(played.state, played.settings)
    assert played.labels == played.settings.labels.budget


@given(st.integers(0, 2**32), st.sampled_from(list(Schedule)))
@hypothesis_settings(deadline=None, max_examples=20)
def test_planning_twice_sends_nothing_new(seed: int, schedule: Schedule) -> None:
    played = World(configured(schedule), random.Random(seed))
    for _ in range(played.chance.randrange(400)):
        if not finished(played.state, played.settings):
            played.move()
    if finished(played.state, played.settings):
        return
    assert plan(played.state, played.settings) == plan(played.state, played.settings)
    played.tick()
    before = dict(played.jobs)
    played.tick()
    assert played.jobs == before
