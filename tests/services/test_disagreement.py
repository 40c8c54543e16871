"""labels.order on real parts: the reward trainer's heads order what the sampler stores; unasked, nothing changes."""

from pathlib import Path

from shared.messages import PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.store.database import Database
from tests.services.test_workers import Loop, started
from tests.shared.store.rows import add_person, sql, take

ASKED = SampleQueries(first=16, count=12, policy_version=1)


def ordered(loop: Loop, order: str) -> Loop:
    labels = loop.settings.labels.model_copy(update={"order": order})
    return Loop(loop.settings.model_copy(update={"labels": labels}), loop.db)


def priorities(db: Database) -> list[float]:
    return [row[0] for row in sql(db, "SELECT priority FROM queries WHERE policy_version = 1 ORDER BY position")]


def test_what_heads_disagree_on_comes_first_and_replays(db: Database, database_url: str, tmp_path: Path) -> None:
    """ρ's queries have no order: no r had been trained. A new sampler beside a newer r gives the same priorities."""
    loop = ordered(started(db, database_url, tmp_path), "disagreement")
    kept = loop.workers()
    loop.do(PublishReference(), kept)
    loop.do(SampleQueries(first=0, count=16, policy_version=0), kept)
    loop.label_everything()
    loop.do(TrainReward(version=1, labels=10), kept)
    loop.do(TrainPolicy(version=1, reward_version=1), kept)
    loop.do(ASKED, kept)
    first = priorities(db)
    assert len(set(first)) > len(first) / 2
    assert min(first) > 0
    assert sql(db, "SELECT DISTINCT priority FROM queries WHERE policy_version = 0") == [(0.0,)]
    lease = take(db, add_person(db, "ben"))
    asked = "SELECT priority FROM queries JOIN leases ON query_id = queries.id WHERE leases.id = :id"
    assert sql(db, asked, id=lease.id) == [(max(first),)]
    loop.do(TrainReward(version=2, labels=10), kept)
    for table in ("leases", "scores", "responses"):
        sql(db, f"DELETE FROM {table} WHERE query_id IN (SELECT id FROM queries WHERE policy_version = 1)")
    sql(db, "DELETE FROM queries WHERE policy_version = 1")
    sql(db, "DELETE FROM jobs WHERE key = :key", key=ASKED.key)
    loop.do(ASKED)
    assert priorities(db) == first
