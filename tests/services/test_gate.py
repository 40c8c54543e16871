"""The gate in the reward trainer's hands: what is rejected stays for study, and nothing else ever scores an episode."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from services.reward_trainer import worker
from services.reward_trainer.worker import RewardTrainer
from shared.checkpoints import Checkpoints, Kind, Published
from shared.domain import Job, LoopError, NewQuery, Response, RewardStatus
from shared.language.reward_model import RewardModel, load_reward_model, save_reward_model
from shared.messages import PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.settings import RewardSettings
from shared.store import jobs, queries, shadow, versions
from shared.store.database import Database
from shared.training.machine import prepare
from shared.training.reward_training import RewardTraining, score_all, train_reward
from shared.weights import Weights
from tests.services.test_workers import Loop, started
from tests.shared.store.rows import running, seen, sql


@pytest.fixture
def loop(db: Database, database_url: str, tmp_path: Path) -> Loop:
    """With r1 published, trained on labels of responses that nobody had to sample."""
    loop = started(db, database_url, tmp_path)
    quick = loop.settings.model_copy(update={"reward": RewardSettings(normalize_samples=16)})
    loop = Loop(quick, db)
    loop.do(PublishReference())
    sampled = running(db, SampleQueries(first=0, count=16, policy_version=0))
    queries.add(db, sampled.key, sampled.attempt, [asked(position) for position in range(16)], policy_version=0)
    loop.label_everything()
    loop.do(TrainReward(version=1, labels=10))
    return loop


def asked(position: int) -> NewQuery:
    """A query and four responses, by chance, of different length."""
    draw = random.Random(position)
    said = [tuple(draw.choices(range(1, 250), k=draw.randint(17, 24))) for _ in range(4)]
    responses = tuple(Response("e" * (tokens[0] % 7), tokens, policy_version=0) for tokens in said)
    return NewQuery(position, f"query {position}", tuple(draw.choices(range(1, 250), k=8)), responses)


def flipped(*args: object, **kwargs: object) -> RewardTraining:
    """What r1 learnt, with the sign turned after training."""
    trained = train_reward(*args, **{**kwargs, "version": 1})  # type: ignore[arg-type]
    with torch.no_grad():
        trained.model.gain.neg_()
        trained.model.bias.neg_()
    return replace(trained, scores=-trained.scores)


def diverging(*args: object, **kwargs: object) -> RewardTraining:
    settings = kwargs.pop("settings").model_copy(update={"lr": 1e30})  # type: ignore[attr-defined]
    return train_reward(*args, settings=settings, **kwargs)  # type: ignore[arg-type]


def test_a_verdict_is_kept_with_its_figures_and_scores(loop: Loop) -> None:
    loop.do(TrainReward(version=2, labels=10))
    first, second = versions.rewards(loop.db)
    assert "no live r to compare it with" in first.reason
    assert [check.name for check in second.verdict] == [
        "finite", "accuracy", "held_out", "newest", "rank", "calibration", "length", "shadow",
    ]  # fmt: skip
    assert second.verdict[-1].figures["live_mean"] == first.verdict[-1].figures["mean"]
    [manifest] = loop.settings.checkpoints.glob("reward/000002-*/manifest.json")
    assert json.loads(manifest.read_text())["facts"]["verdict"][-1]["figures"] == second.verdict[-1].figures

    weights = Weights(
        loop.db, Checkpoints(loop.settings.checkpoints), device=prepare(loop.settings.model), autocast=False
    )
    recent = shadow.recent(loop.db, 64)
    scores = score_all(weights.reward_model(2), recent, loop.settings.task).tolist()
    stored = sql(loop.db, "SELECT query_id, index, score FROM scores WHERE reward_version = 2 ORDER BY 1, 2")
    assert stored == [(q.id, i, score) for q, row in zip(recent, scores, strict=True) for i, score in enumerate(row)]


def test_what_is_rejected_stays_for_study_and_scores_nothing(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints, kept = Checkpoints(loop.settings.checkpoints), loop.workers()
    weights = Weights(loop.db, checkpoints, device=prepare(loop.settings.model), autocast=False)
    for version, training, said in ((2, flipped, "rank correlation with r1 -1.00"), (3, diverging, "not finite")):
        monkeypatch.setattr(worker, "train_reward", training)
        loop.do(TrainReward(version=version, labels=10), kept)
        rejected, live = versions.reward(loop.db, version), versions.live_reward(loop.db)
        assert rejected is not None
        assert rejected.status is RewardStatus.REJECTED
        assert said in rejected.reason
        assert live is not None
        assert live.version == 1
        load_reward_model(checkpoints.verify(rejected.path, rejected.sha256))
        with pytest.raises(LoopError, match=f"reward version {version} was rejected by the gate"):
            loop.do(TrainPolicy(version=version, parent=0, reward_version=version), kept)
        assert versions.policy(loop.db, version) is None
        with pytest.raises(LoopError, match=f"reward version {version} was rejected by the gate"):
            weights.ensemble(version)


class TornOnce(Checkpoints):
    """A disk that loses the last byte of what is published first."""

    torn = False

    def publish(
        self, kind: Kind, version: int, attempt: int, write: Callable[[Path], None], facts: Mapping[str, object]
    ) -> Published:
        published = super().publish(kind, version, attempt, write, facts)
        if not self.torn:
            self.torn = True
            file = self._root / published.path / "model.safetensors"
            file.write_bytes(file.read_bytes()[:-1])
        return published


def again(db: Database, key: str) -> Job:
    """The job's next attempt."""
    attempt = seen(db, key)[1]
    jobs.give_back(db, key, attempt)
    job = jobs.begin(db, key, attempt + 1)
    assert job is not None
    return job


def test_what_was_not_written_as_it_is_in_memory_is_no_version(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn file, then one that scores otherwise: a bad disk, not a bad r. The third attempt makes the version."""
    checkpoints = TornOnce(loop.settings.checkpoints)
    weights = Weights(loop.db, checkpoints, device=prepare(loop.settings.model), autocast=False)
    trainer = RewardTrainer(loop.settings, loop.db, checkpoints, weights)
    message = TrainReward(version=2, labels=10)

    def other(model: RewardModel, folder: Path) -> None:
        save_reward_model(model, folder)
        with torch.no_grad():
            model.bias.add_(1e-3)

    with pytest.raises(LoopError, match=r"reward/000002-1 is not what was written .*model\.safetensors is damaged"):
        loop.do(message, {"reward_trainer": trainer})
    monkeypatch.setattr(worker, "save_reward_model", other)
    second = again(loop.db, message.key)
    with pytest.raises(LoopError, match="its scores differ"):
        trainer(second)
    monkeypatch.undo()
    assert versions.reward(loop.db, 2) is None
    trainer(again(loop.db, message.key))
    assert versions.reward(loop.db, 2) is not None
