"""Somebody answers at random: gold catches and pauses them, their labels go, and the next r is trained without them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.orchestrator.tick import tick
from shared.domain import EmptyReason, Job, Nothing, Schedule
from shared.quality.report import report
from shared.queues import Queues
from shared.settings import LabelSettings, PPOSettings
from shared.store import accounts, gold, jobs, leases, lineage, quality, retractions, versions
from shared.store.database import Database
from shared.store.gold import GoldQuery
from shared.store.lineage import Moved
from shared.store.retractions import Choice
from tests.services.test_workers import Loop, Worker, started
from tests.shared.store.rows import add_person, answer

LABELS = LabelSettings(
    budget=24, initial=12, retrainings=2, gold_share=0.6, gold_least=5, gold_accuracy=0.5, evaluation_share=0
)


@dataclass(frozen=True, slots=True)
class Turning:
    """A loop with its orchestrator and its workers."""

    loop: Loop
    workers: dict[str, Worker]
    queues: Queues

    def sent(self) -> list[Job]:
        """Let the orchestrator look, and see what waits in the queues."""
        tick(self.loop.db, self.queues, self.loop.settings)
        return jobs.to_send(self.loop.db)

    def settle(self) -> None:
        """Let everything be done that can be without people."""
        while waiting := self.sent():
            for job in waiting:
                begun = jobs.begin(self.loop.db, job.key, job.attempt)
                assert begun is not None
                self.workers[job.queue](begun)

    def ask(self, person: int, *, guessing: random.Random | None = None) -> bool:
        """One answer: by the number of e's, or at random. Whether there was a question."""
        lease = leases.take(self.loop.db, person, LABELS)
        if isinstance(lease, Nothing):
            return False
        places = range(len(lease.texts))
        best = max(places, key=lambda i: lease.texts[i].count("e"))
        answer(self.loop.db, person, lease, guessing.choice(places) if guessing else best)
        return True

    def all_asked(self, person: int) -> None:
        while self.ask(person):
            pass


@pytest.fixture
def turning(db: Database, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Turning]:
    own = {
        "labels": LABELS,
        "ppo": PPOSettings(batch=8, segment_batches=2, episodes=32),
        "schedule": Schedule.BATCHED,
    }
    loop = Loop(started(db, database_url, tmp_path).settings.model_copy(update=own), db)
    queues = Queues(redis_url)
    yield Turning(loop, loop.workers(), queues)
    queues.close()


def test_a_guesser_is_caught_and_what_they_moved_is_known(turning: Turning, db: Database) -> None:
    gold.add(db, [GoldQuery(f"gold {i}", ("no", "eee", "not so", "not at all"), 1) for i in range(60)], responses=4)
    turning.settle()
    ada, mallory = add_person(db, "ada"), add_person(db, "mallory")
    dice = random.Random(1)
    while turning.ask(mallory, guessing=dice):
        turning.sent()
    refused = leases.take(db, mallory, LABELS)
    assert isinstance(refused, Nothing)
    assert refused.reason is EmptyReason.YOU_ARE_PAUSED
    turning.all_asked(ada)
    turning.settle()  # her labels still count: a pause deletes nothing
    people = {person.name: person for person in report(quality.material(db)).people}
    assert people["ada"].figures.gold is not None
    assert people["ada"].figures.gold.rate == 1
    assert people["ada"].paused_reason is None
    assert "gold answers right" in (people["mallory"].paused_reason or "")

    made = retractions.retract(db, Choice(below_gold=0.5), by="root", reason="guesses")
    assert set(made.labels) == {"mallory"}
    turning.settle()
    turning.all_asked(ada)
    turning.settle()
    [first] = lineage.of_reward(db, 1).rewards
    [second] = lineage.of_reward(db, 2).rewards
    assert first.labels["mallory"] == first.retracted == made.count
    assert set(second.labels) == {"ada"}
    trained = versions.reward(db, 2)
    assert trained is not None
    assert trained.labels + trained.held_out == second.labels["ada"]
    moved = lineage.of_labeler(db, "mallory")
    assert [reward.version for reward in moved.rewards] == [1]
    assert moved.policies == [Moved(1, 0, 1), Moved(2, 1, 2)]

    accounts.unpause(db, "mallory")
    turning.sent()
    assert turning.ask(mallory)  # judged anew
