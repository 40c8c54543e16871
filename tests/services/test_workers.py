"""Sampler, reward trainer and PPO worker on a real store with a tiny model: a loop's jobs, one by one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.ppo.worker import TRAINER, PPOWorker
from services.reward_trainer.worker import RewardTrainer
from services.sampler.worker import Sampler
from shared.checkpoints import MANIFEST, Checkpoints
from shared.domain import Job, LoopError, RewardStatus, Role
from shared.language.reward_heads import HEADS
from shared.messages import AnyMessage, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.settings import (
    LabelSettings,
    ModelSettings,
    PPOSettings,
    RewardSettings,
    SamplerSettings,
    Settings,
    TaskSettings,
)
from shared.store import accounts, jobs, loop, queries, samples, versions
from shared.store.database import Database
from shared.store.evaluations import human_win_rates
from shared.store.migrate import migrate
from shared.training.machine import prepare
from shared.training.probes import PROBES
from shared.training.trainer_state import COUNTS
from shared.weights import Weights
from tests.models import tiny_model
from tests.shared.store.rows import answer, ask, sql

Worker = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class Loop:
    settings: Settings
    db: Database

    def workers(self) -> dict[str, Worker]:
        """As their processes start them, with nothing in memory."""
        device, checkpoints = prepare(self.settings.model), Checkpoints(self.settings.checkpoints)
        weights = Weights(self.db, checkpoints, device=device, autocast=False)
        return {
            "ppo": PPOWorker(self.settings, self.db, checkpoints, weights, device),
            "sampler": Sampler(self.settings, self.db, weights),
            "reward_trainer": RewardTrainer(self.settings, self.db, checkpoints, weights),
        }

    def do(self, message: AnyMessage, workers: dict[str, Worker] | None = None) -> None:
        jobs.remember(self.db, message)
        job = jobs.begin(self.db, message.key, 1)
        assert job is not None
        (workers or self.workers())[message.queue](job)

    def label_everything(self, name: str = "ann") -> int:
        """One person who likes the letter e."""
        principal = accounts.authenticate(self.db, accounts.create_account(self.db, name, Role.LABELER))
        assert principal is not None
        given = 0
        while lease := ask(self.db, principal.labeler_id):
            best = max(range(len(lease.texts)), key=lambda i: (lease.texts[i].count("e"), lease.texts[i]))
            answer(self.db, principal.labeler_id, lease, best)
            given += 1
        return given


def started(db: Database, url: str, checkpoints: Path) -> Loop:
    settings = Settings(
        database_url=SecretStr(url),
        checkpoints=checkpoints,
        model=ModelSettings(ref_policy=str(tiny_model())),
        labels=LabelSettings(budget=40, initial=10),
        task=TaskSettings(truncate_token="\x03"),  # what the tiny model says most
        sampler=SamplerSettings(rounds=60),
        reward=RewardSettings(normalize_samples=64),
        ppo=PPOSettings(batch=8, segment_batches=2, episodes=64),
    )
    loop.start(db, settings)
    return Loop(settings, db)


JOBS: tuple[AnyMessage, ...] = (
    PublishReference(),
    SampleQueries(first=0, count=24, policy_version=0),
    TrainReward(version=1, labels=10),
    TrainPolicy(version=1, reward_version=1),
    TrainPolicy(version=2, reward_version=1),
    SampleQueries(first=24, count=8, policy_version=2),
)


def played(loop: Loop, *, fresh: bool) -> list[str]:
    """All jobs, with workers that keep what they hold, or with `fresh` ones each time. Returns the weights' sha256."""
    kept = loop.workers()
    for message in JOBS:
        if isinstance(message, TrainReward):
            assert loop.label_everything() > 10
        loop.do(message, None if fresh else kept)
    policies, rewards = versions.policies(loop.db), versions.rewards(loop.db)
    return [*(policy.sha256 for policy in policies), *(reward.sha256 for reward in rewards)]


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    found = []
    migrate(empty_database_url)
    for name, url in (("kept", database_url), ("fresh", empty_database_url)):
        db = Database(url)
        found.append(played(started(db, url, tmp_path / name), fresh=name == "fresh"))
        db.close()
    assert found[0] == found[1]
    assert len(set(found[0])) == 4  # three policies and a reward model


def test_what_the_jobs_leave_in_the_store(db: Database, database_url: str, tmp_path: Path) -> None:
    playing = started(db, database_url, tmp_path)
    played(playing, fresh=False)
    state = loop.state(db)
    assert (state.policy_version, state.reward_version, state.episodes) == (2, 1, 32)
    assert state.next_position == 32
    assert 0 < state.open_queries <= 8
    assert [batch.episodes for batch in loop.batches(db)] == [8, 16, 24, 32]
    reward = versions.reward(db, 1)
    assert reward is not None
    assert reward.status is RewardStatus.PUBLISHED
    assert reward.labels + reward.held_out == state.labels
    parents = [(policy.version, policy.parent, policy.reward_version) for policy in versions.policies(db)]
    assert parents == [(0, None, None), (1, 0, 1), (2, 1, 1)]
    for index, probed in enumerate(samples.probes(db)):
        assert probed.index == index
        assert [(answer.policy_version, answer.reward_version) for answer in probed.answers] == [
            (0, None),
            (1, 1),
            (2, 1),
        ]
        assert [answer.score is None for answer in probed.answers] == [True, False, False]
    assert index == PROBES - 1
    folder = tmp_path / versions.policies(db)[2].path
    facts = json.loads((folder / MANIFEST).read_text())["facts"]
    assert facts["label_watermark"] == reward.label_watermark == queries.watermark(db).label
    assert facts["retraction_watermark"] == 0
    assert json.loads((folder / TRAINER / COUNTS).read_text())["reward_version"] == 1
    for label in queries.labeled(db, upto=queries.watermark(db)):
        assert label.policy_version == 0
        assert len(label.responses) == 4
        assert all(17 <= len(response) <= 24 for response in label.responses)  # it ends at index 16 or later
    assert sql(db, "SELECT DISTINCT priority FROM queries") == [(0.0,)]
    assert not list(tmp_path.rglob(HEADS))


def test_people_compare_the_policy_with_the_reference(db: Database, database_url: str, tmp_path: Path) -> None:
    """Evaluation queries: half of each is ρ's, nobody is told, and their labels train r like all others."""
    playing = started(db, database_url, tmp_path)
    shares = playing.settings.labels.model_copy(update={"evaluation_share": 1.0, "overlap_share": 1.0, "overlap": 2})
    playing = Loop(playing.settings.model_copy(update={"labels": shares}), db)
    kept = playing.workers()
    for message in JOBS[:4]:
        if isinstance(message, TrainReward):
            assert playing.label_everything() > 10
        playing.do(message, kept)
    assert human_win_rates(db) == []  # ρ answered everything so far
    playing.do(SampleQueries(first=24, count=8, policy_version=1), kept)
    answered = loop.state(db).open_queries
    given = playing.label_everything("ben")
    [found] = human_win_rates(db)
    assert (found.policy_version, found.labels, found.chance) == (1, answered, 0.5)
    assert 0 < answered < given  # ben gave the first queries their second answer as well
    playing.do(TrainReward(version=2, labels=20), kept)
    reward = versions.reward(db, 2)
    assert reward is not None
    assert reward.labels + reward.held_out == loop.state(db).labels


def test_a_superseded_attempt_publishes_nothing(db: Database, database_url: str, tmp_path: Path) -> None:
    playing = started(db, database_url, tmp_path)
    jobs.remember(db, PublishReference())
    job = jobs.begin(db, "policy-0", 1)
    assert job is not None
    jobs.give_back(db, "policy-0", 1)
    with pytest.raises(jobs.SupersededError, match="attempt 1 of policy-0"):
        playing.workers()["ppo"](job)
    assert versions.live_policy(db) is None


@pytest.mark.parametrize(
    ("queue", "message"),
    [("sampler", TrainReward(version=1, labels=1)), ("ppo", SampleQueries(first=0, count=1, policy_version=0))],
)
def test_a_job_for_another_worker_is_refused(
    db: Database, database_url: str, tmp_path: Path, queue: str, message: AnyMessage
) -> None:
    jobs.remember(db, message)
    job = jobs.begin(db, message.key, 1)
    assert job is not None
    with pytest.raises(TypeError, match=message.kind):
        started(db, database_url, tmp_path).workers()[queue](job)


def test_a_damaged_policy_is_named(db: Database, database_url: str, tmp_path: Path) -> None:
    playing = started(db, database_url, tmp_path)
    playing.do(PublishReference())
    weights = next((tmp_path / "policy").glob("*/model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(LoopError, match=r"model\.safetensors"):
        playing.do(SampleQueries(first=0, count=1, policy_version=0))
