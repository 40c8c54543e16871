"""A sign flipped on its way to PPO: π learns what people like least, and the line stops within one evaluation window.

A tiny model is trained for real; simulated people answer over the label store. Only this test can flip the sign.
"""

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch

from services.cli.experiment import known
from services.cli.experiment.models import open_models
from services.orchestrator.tick import tick
from shared.domain import Cause, NewQuery
from shared.messages import SampleQueries
from shared.queues import Queues
from shared.settings import LabelSettings, ModelSettings, PPOSettings, SamplerSettings, Settings, TaskSettings
from shared.store import loop, queries, stops
from shared.store.database import Database
from shared.training.ppo_segment import train_segment
from shared.training.sampling import sample_queries
from shared.training.trainer_state import new_state
from tests.models import tiny_model
from tests.shared.store.rows import add_person, add_policy, add_reward, answer, running, take

CPU = torch.device("cpu")
QUERIES = 60
SETTINGS = Settings(
    model=ModelSettings(ref_policy=str(tiny_model()), autocast=False),
    task=TaskSettings(response_tokens=12, truncate_token="\x03", truncate_after=4),  # what the tiny model says most
    labels=LabelSettings(budget=1000, initial=1000, evaluation_share=1.0, overlap_share=0.0),
    sampler=SamplerSettings(backlog=1, rounds=60),
    ppo=PPOSettings(
        episodes=64_000,
        batch=256,
        segment_batches=14,
        epochs=3,
        lr=2e-3,
        kl_coef=0.02,
        kl_target=None,
        invalid_score=-4.0,  # it shall learn what to say, not to say nothing
    ),
)


def letters(text: str) -> float:
    """What people prefer here: the share of letters in a text, on a scale that PPO learns from."""
    return 6 * sum(one.isascii() and one.isalpha() for one in text) / max(len(text), 1) - 2


def most(texts: Sequence[str]) -> int:
    return max(range(len(texts)), key=lambda place: (letters(texts[place]), texts[place]))


def least(texts: Sequence[str]) -> int:
    return min(range(len(texts)), key=lambda place: (letters(texts[place]), texts[place]))


@pytest.fixture(scope="module")
def evaluation() -> Sequence[NewQuery]:
    """Evaluation queries of a π trained with the sign of people's preference flipped."""
    torch.manual_seed(1)
    models = open_models(SETTINGS, CPU)
    flipped = known.KnownReward(models.policy.tokenizer, CPU)
    flipped.gain.neg_()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(known, "known_reward", letters)
        train_segment(
            models.policy,
            models.ref_policy,
            flipped,
            models.task,
            new_state(models.policy, SETTINGS.ppo, device=CPU, seed=1),
            settings=SETTINGS.ppo,
            task_settings=SETTINGS.task,
        )
    return sample_queries(
        models.policy,
        models.ref_policy,
        models.task,
        first=0,
        count=QUERIES,
        policy_version=1,
        settings=SETTINGS.task,
        sampler=SETTINGS.sampler,
        labels=SETTINGS.labels,
        seed=1,
    )


@pytest.fixture
def queues(redis_url: str) -> Iterator[Queues]:
    queues = Queues(redis_url)
    yield queues
    queues.close()


def labels_until_it_stops(
    db: Database, queues: Queues, found: Sequence[NewQuery], prefer: Callable[[Sequence[str]], int], *, every: int = 1
) -> int | None:
    """One person answers one query after the other, and the orchestrator ticks after `every` so many."""
    loop.start(db, SETTINGS)
    add_policy(db)
    add_reward(db, 1)
    add_policy(db, 1, reward_version=1)
    job = running(db, SampleQueries(first=0, count=len(found), policy_version=1))
    queries.add(db, job.key, job.attempt, found, policy_version=1)
    ada = add_person(db)
    for labels in range(1, len(found) + 1):
        lease = take(db, ada)
        answer(db, ada, lease, prefer(lease.texts))
        if labels % every == 0:
            tick(db, queues, SETTINGS)
        if stop := stops.standing(db):
            assert stop.cause is Cause.HUMAN_WIN_RATE
            return labels
    return None


def test_it_is_caught_within_one_evaluation_window(
    db: Database, queues: Queues, evaluation: Sequence[NewQuery]
) -> None:
    labels = labels_until_it_stops(db, queues, evaluation, most)
    assert labels is not None
    assert labels <= SETTINGS.guards.window


def test_people_who_like_what_it_was_trained_for_see_no_stop(
    db: Database, queues: Queues, evaluation: Sequence[NewQuery]
) -> None:
    """The same policy is an honest one to people who prefer the fewest letters."""
    assert len(evaluation) == QUERIES == SETTINGS.guards.window
    assert labels_until_it_stops(db, queues, evaluation, least, every=10) is None
