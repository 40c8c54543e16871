"""On top of `rows.fill`: a loop that is well, and one that is not, with verdicts, scores and probes to look at."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from shared.domain import Cause, Service
from shared.store import presence, stops
from shared.store.database import Database
from shared.store.tables import JobRow, LabelRow, PPOBatch, Probe, Query, Response, Reward, Run, Score, ServiceRow
from tests.services.dashboard.rows import EVIL, fill

HOST = "host"
SERVICES = ("labeling", "sampler", "reward_trainer", "ppo", "orchestrator", "webhooks", "dashboard")
PROBES = ("Once upon a time", "The old house by the sea", EVIL)
VERDICT = [
    {"name": "finite", "passed": True, "said": "all scores are finite", "figures": {"scores": 640}},
    {
        "name": "accuracy",
        "passed": True,
        "said": "not worse than r2 on 40 held-out labels",
        "figures": {"accuracy": 0.42, "live": 0.35, "low": -0.03},
    },
    {"name": "length", "passed": True, "said": "scores hardly follow length", "figures": {"rank_correlation": 0.21}},
]
REFUSED = [
    VERDICT[0],
    {"name": "accuracy", "passed": False, "said": f"{EVIL} it is below chance", "figures": {"accuracy": 0.2}},
]


def well(db: Database) -> None:
    """All services at work, scores and probes to look at, jobs that took their time."""
    fill(db)
    for service in SERVICES:
        presence.seen(db, service, f"{HOST}/{len(service)}", {"disk_free_bytes": 50_000_000_000})
    now = datetime.now(UTC)
    with db.transaction() as session:
        session.execute(update(ServiceRow).values(seen_at=now + timedelta(minutes=10)))  # well for as long as we look
        session.get_one(Run, 1).created_at = now - timedelta(minutes=10)
        session.execute(update(Reward).values(verdict=VERDICT))
        session.execute(update(Reward).where(Reward.version == 1).values(verdict=REFUSED))
        session.execute(update(JobRow).values(started_at=now - timedelta(minutes=1.4)))
        session.execute(update(JobRow).where(JobRow.key == "policy-2").values(started_at=None))
        session.execute(update(JobRow).where(JobRow.key == "reward-4").values(state="running", error=None, attempt=1))
        session.execute(update(LabelRow).where(LabelRow.id % 3 == 0).values(critique=EVIL))
        session.execute(update(Query).values(text="Once upon a time there was a mill by a slow river, and in it"))
        session.execute(
            update(Response)
            .where(Response.index == 1)
            .values(text=f"lived a miller who laughed so loudly that the wheel turned by itself. {EVIL}")
        )
        for batch in session.scalars(select(PPOBatch)):
            n = batch.batch
            more = {"clipfrac": 0.02 + n % 7 / 100, "entropy": 60 - 0.3 * n, "value_loss": 0.5 / (1 + n / 10)}
            batch.stats = {**batch.stats, **more}
        newest = session.scalars(select(Query.id).order_by(Query.id.desc()).limit(40)).all()
        session.add_all(
            Score(query_id=query, index=index, reward_version=version, score=index / 2 - 0.3 * version)
            for query in newest
            for index in range(4)
            for version in (2, 3)
        )
        session.add_all(
            Probe(
                policy_version=v, index=i, query=query, response=f"π{v} says {EVIL}", score=0.4 * v - i if v else None
            )
            for v in range(3)
            for i, query in enumerate(PROBES)
        )
        session.add_all(_jobs(now))


def unwell(db: Database) -> None:
    """The loop stopped itself, webhooks are paused, a training failed for good, ppo has not been seen for minutes."""
    well(db)
    reason = "people prefer ρ to π2: 8 of 60 newest labels chose π2's response; 99 % sure that it is below chance"
    stops.stop(db, by="prefloop", reason=reason, cause=Cause.HUMAN_WIN_RATE)
    stops.stop(db, by="operator", reason="their address changes", service=Service.WEBHOOKS)
    long_ago = datetime.now(UTC) - timedelta(minutes=4)
    with db.transaction() as session:
        session.execute(
            update(ServiceRow).where(ServiceRow.service == "ppo").values(started_at=long_ago, seen_at=long_ago)
        )
        failed = {"state": "failed", "attempt": 3, "error": f"OSError: no space left on device {EVIL}"}
        session.execute(update(JobRow).where(JobRow.key == "reward-4").values(**failed, finished_at=long_ago))


def _jobs(now: datetime) -> list[JobRow]:
    """What was done in the ten minutes before: (queue, from, to), in minutes ago."""
    done = [("sampler", 9.5, 9.2), ("sampler", 6.1, 5.8), ("sampler", 3.0, 2.7), ("reward_trainer", 7.6, 6.9)]
    done += [("reward_trainer", 4.4, 3.6), ("ppo", 6.9, 5.0), ("ppo", 3.6, 1.6)]
    return [
        JobRow(
            key=f"{queue}-past-{index}",
            queue=queue,
            state="done",
            message={},
            attempt=1,
            created_at=now - timedelta(minutes=start),
            started_at=now - timedelta(minutes=start),
            finished_at=now - timedelta(minutes=end),
            heartbeat_at=now - timedelta(minutes=end),
        )
        for index, (queue, start, end) in enumerate(done)
    ]
