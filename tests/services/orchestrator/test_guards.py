"""Every automatic stop, from rows in the store to a line that halts: with its reason, once, and again when it must."""

from collections.abc import Iterator

import pytest

from services.orchestrator.tick import tick
from shared.domain import ActionKind, Cause, Schedule, Stop
from shared.queues import Queues
from shared.settings import GuardSettings, LabelSettings, SamplerSettings, Settings
from shared.store import actions, evidence, loop, stops
from shared.store.database import Database
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, answer, sql, take

SETTINGS = Settings(
    labels=LabelSettings(budget=2000, initial=1000),
    sampler=SamplerSettings(staleness=10),
    guards=GuardSettings(window=20),
)
REFERENCE, OWN = 0, 3  # indices of responses in `written_by`


@pytest.fixture
def queues(redis_url: str) -> Iterator[Queues]:
    queues = Queues(redis_url)
    yield queues
    queues.close()


class Loop:
    """A loop in a store, with one labeler; `tick` as the orchestrator does, with all it may send."""

    def __init__(self, db: Database, queues: Queues) -> None:
        self.db, self.queues = db, queues
        self.settings = SETTINGS
        loop.start(db, SETTINGS)
        add_policy(db)
        add_reward(db, 1)
        self.ada = add_person(db)
        self.position = 0

    def asked(self, version: int, n: int, *, wanted: int = 1) -> None:
        """Evaluation queries of a policy."""
        positions = range(self.position, self.position + n)
        add_queries(self.db, positions, policy_version=version, written_by=(0, 0, version, version), wanted=wanted)
        self.position += n

    def choose(self, index: int, n: int, *, labeler: int | None = None) -> None:
        """Answer the next queries, each by the response with that index."""
        labeler = labeler or self.ada
        for _ in range(n):
            lease = take(self.db, labeler)
            place = next(i for i, text in enumerate(lease.texts) if text.endswith(f".{index}"))
            answer(self.db, labeler, lease, place)

    def tick(self) -> Stop | None:
        """What stands after it."""
        tick(self.db, self.queues, self.settings)
        return stops.standing(self.db)

    def stopped(self, cause: Cause) -> str:
        """Tick, and require the stop of that cause: its reason."""
        stop = self.tick()
        assert stop is not None
        assert (stop.by, stop.cause, stop.service) == ("prefloop", cause, None)
        return stop.reason

    def resume(self) -> None:
        """And the evidence there was does not stop it again, at this tick or one after other news."""
        assert stops.resume(self.db, by="operator") is not None
        assert self.tick() is None
        sql(self.db, "INSERT INTO retractions (by, reason) VALUES ('operator', 'news that is no evidence')")
        assert self.tick() is None


@pytest.fixture
def turning(db: Database, queues: Queues) -> Loop:
    return Loop(db, queues)


def test_human_win_rate_below_chance(turning: Loop) -> None:
    add_policy(turning.db, 1, reward_version=1)
    turning.asked(1, 40)
    turning.choose(REFERENCE, 11)
    assert turning.tick() is None
    turning.choose(REFERENCE, 1)
    assert "in 0 of the newest 12 evaluation labels" in turning.stopped(Cause.HUMAN_WIN_RATE)
    turning.resume()
    turning.choose(REFERENCE, 11)
    assert turning.tick() is None
    turning.choose(REFERENCE, 1)
    turning.stopped(Cause.HUMAN_WIN_RATE)


def test_people_who_like_it_stop_nothing(turning: Loop) -> None:
    add_policy(turning.db, 1, reward_version=1)
    turning.asked(1, 40)
    for _ in range(3):
        turning.choose(OWN, 4)
        turning.choose(REFERENCE, 4)
        assert turning.tick() is None


def test_of_a_query_that_many_answer_one_answer_counts(turning: Loop) -> None:
    add_policy(turning.db, 1, reward_version=1)
    turning.asked(1, 6, wanted=5)
    for name in ("b", "c", "d", "e", "f"):
        turning.choose(REFERENCE, 6, labeler=add_person(turning.db, name))
    assert len(evidence.read(turning.db, SETTINGS).evaluations) == 6
    assert turning.tick() is None


def test_labels_on_a_policy_that_was_rolled_back_do_not_count(turning: Loop) -> None:
    add_policy(turning.db, 1, reward_version=1)
    turning.asked(1, 12)
    turning.choose(REFERENCE, 12)
    back = {"policy": 0, "reward": 1, "last_policy": 1, "last_reward": 1}
    with turning.db.transaction() as session:
        actions.note(session, ActionKind.ROLLBACK, by="operator", reason="bad texts", detail=back)
    assert turning.tick() is None


@pytest.mark.parametrize(("score", "stops_it"), [(1.0, True), (0.4, False)])
def test_over_optimisation(turning: Loop, score: float, stops_it: bool) -> None:
    add_policy(turning.db, 1, reward_version=1)
    turning.asked(1, 40)
    turning.choose(OWN, 38)
    turning.choose(REFERENCE, 2)
    assert turning.tick() is None
    add_policy(turning.db, 2, reward_version=1)
    sql(turning.db, "UPDATE policies SET score = :score WHERE version = 2", score=score)
    turning.asked(2, 52)
    for index in (OWN, REFERENCE) * 20:
        turning.choose(index, 1)
    if not stops_it:
        assert turning.tick() is None
        return
    assert "rose from 0.50 (policy 1) to 1.00 (policy 2)" in turning.stopped(Cause.OVER_OPTIMISATION)
    turning.resume()
    turning.choose(REFERENCE, 12)  # nothing left to compare with: but this is below chance
    turning.stopped(Cause.HUMAN_WIN_RATE)


def test_kl_beyond_its_bound(turning: Loop) -> None:
    def batches(first: int, *kls: float) -> None:
        for batch, kl in enumerate(kls, first):
            loop.record_batch(turning.db, policy_version=1, batch=batch, episodes=64 * batch, stats={"kl": kl})

    batches(1, 5.0, 29.0, 31.0)
    assert turning.tick() is None
    batches(4, 33.0)
    assert "KL is 31.0 nats a response over the newest 3 batches" in turning.stopped(Cause.KL)
    turning.resume()
    batches(5, 34.0, 35.0)
    assert turning.tick() is None
    batches(7, 36.0)
    turning.stopped(Cause.KL)
    turning.resume()
    with turning.db.transaction() as session:
        detail = {"key": "guards.kl", "value": None, "was": 30.0}
        actions.note(session, ActionKind.SET, by="operator", reason="it is meant to go far", detail=detail)
    batches(8, 37.0, 38.0, 39.0)
    assert turning.tick() is None


def test_accuracy_of_r_fallen_to_chance(turning: Loop) -> None:
    def trained(version: int, accuracy: float) -> None:
        if version > 1:
            add_reward(turning.db, version)
        sql(
            turning.db,
            "UPDATE rewards SET accuracy = :accuracy, compared = 60, held_out = 60 WHERE version = :version",
            accuracy=accuracy, version=version,
        )  # fmt: skip

    trained(1, 0.6)
    assert turning.tick() is None
    trained(2, 0.25)
    assert "reward model 2 agrees with 15 of 60 held-out labels" in turning.stopped(Cause.REWARD_ACCURACY)
    turning.resume()
    trained(3, 0.55)
    assert turning.tick() is None
    trained(4, 0.2)
    turning.stopped(Cause.REWARD_ACCURACY)


@pytest.mark.parametrize("due", ["yes", "offline", "budget"])
def test_labels_about_policies_long_gone(turning: Loop, due: str) -> None:
    if due == "offline":
        turning.settings = SETTINGS.model_copy(update={"schedule": Schedule.OFFLINE})
    if due == "budget":
        turning.settings = SETTINGS.model_copy(update={"labels": LabelSettings(budget=3, initial=1)})
    add_policy(turning.db, 1, reward_version=1)
    turning.asked(1, 10)
    for version in range(2, 7):
        add_policy(turning.db, version, reward_version=1)
    turning.choose(OWN, 3)
    if due != "yes":
        assert turning.tick() is None
        return
    assert "were 5 policies old" in turning.stopped(Cause.LABEL_AGE)
    turning.resume()
    turning.choose(OWN, 1)
    turning.stopped(Cause.LABEL_AGE)


def test_a_stop_by_people_stands_and_nothing_new_is_not_looked_at(
    turning: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert turning.tick() is None
    monkeypatch.setattr(evidence, "read", None)  # it would fail
    assert turning.tick() is None
    stops.stop(turning.db, by="ada", reason="odd texts")
    add_policy(turning.db, 1, reward_version=1)
    stop = turning.tick()
    assert stop is not None
    assert (stop.by, stop.cause) == ("ada", None)
