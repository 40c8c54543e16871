"""A loop's jobs with each kind of label on real parts: sampled, answered over HTTP by simulated people, trained on."""

from pathlib import Path

import pytest

from services.cli.simulate import simulate
from shared.domain import LabelKind, RewardStatus
from shared.messages import PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.store import loop, queries, versions
from shared.store.database import Database
from tests.services.labeling.conftest import labeling_with
from tests.services.test_workers import Loop, started

BUDGET = 12


def with_kind(loop: Loop, kind: LabelKind, responses: int) -> Loop:
    settings = loop.settings
    changed = {
        "task": settings.task.model_copy(update={"responses": responses}),
        "labels": settings.labels.model_copy(update={"kind": kind, "held_out": 0.3}),
    }
    return Loop(type(settings).model_validate(settings.model_copy(update=changed).model_dump()), loop.db)


@pytest.mark.parametrize(
    ("kind", "responses"), [(LabelKind.BEST_OF, 3), (LabelKind.PAIRWISE, 2), (LabelKind.RATING, 1)]
)
def test_from_the_sampler_to_the_policy(
    db: Database, database_url: str, tmp_path: Path, kind: LabelKind, responses: int
) -> None:
    playing = with_kind(started(db, database_url, tmp_path), kind, responses)
    kept = playing.workers()
    playing.do(PublishReference(), kept)
    playing.do(SampleQueries(first=0, count=24, policy_version=0), kept)
    with labeling_with(playing.settings, db) as labeling:
        # noise: what a tiny model writes has no sentiment
        assert simulate(labeling.url, [labeling.ada, labeling.grace], labels=BUDGET, noise=0.5) == BUDGET
    labels = queries.labeled(db, upto=queries.watermark(db))
    assert [len(label.responses) for label in labels] == [responses] * BUDGET
    assert all((label.rating is None) == (kind is not LabelKind.RATING) for label in labels)
    playing.do(TrainReward(version=1, labels=BUDGET), kept)
    playing.do(TrainPolicy(version=1, reward_version=1), kept)
    reward = versions.reward(db, 1)
    assert reward is not None
    assert reward.status is RewardStatus.PUBLISHED
    assert reward.labels + reward.held_out == BUDGET
    assert reward.compared <= (reward.held_out / 2 if kind is LabelKind.RATING else reward.held_out)
    assert loop.state(db).policy_version == 1
