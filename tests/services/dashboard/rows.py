"""A loop in full swing, written straight into the tables: 4 labelers, 3 reward versions, 2 policies trained."""

import math
import random
from datetime import UTC, datetime, timedelta

from shared.store.database import Database
from shared.store.tables import JobRow, Labeler, LabelRow, LeaseRow, Policy, PPOBatch, Query, Response, Reward

EVIL = "<img src=x onerror=alert(1)>"
LABELS = 240
OPEN = 12


def fill(db: Database) -> None:
    """LABELS answered queries, OPEN unanswered ones, two of them leased; policy 3 in training."""
    start = datetime.now(UTC) - timedelta(minutes=8)
    dice = random.Random(1)

    def at(position: int) -> datetime:
        return start + timedelta(seconds=480 * position / (LABELS + OPEN))

    with db.transaction() as session:
        people = [Labeler(name=name, role="labeler") for name in ("ada", "grace", "alan", EVIL)]
        rewards = [
            _reward(1, "rejected", 60, 0.2, start + timedelta(minutes=2)),
            _reward(2, "published", 120, 0.35, start + timedelta(minutes=3)),
            _reward(3, "published", 200, 0.42, start + timedelta(minutes=6)),
        ]
        session.add_all([*people, *rewards])
        session.flush()
        for version in range(3):
            session.add(_policy(version, start + timedelta(minutes=2.5 * version)))
            session.flush()
        session.add_all(_batches(dice))
        session.add_all(_jobs(start))
        session.flush()
        queries = [
            _query(position, at(position), claimed=position < LABELS + 2, answered=position < LABELS)
            for position in range(LABELS + OPEN)
        ]
        session.add_all(queries)
        session.flush()
        leased = [(query, people[min(int(dice.random() ** 1.3 * 4), 3)]) for query in queries[: LABELS + 2]]
        session.add_all(
            Response(query_id=query.id, index=i, policy_version=version, text=f"answer {i}.", tokens=[i])
            for query in queries
            for i, version in enumerate(_writers(query))
        )
        session.add_all(_lease(query, person) for query, person in leased)
        session.flush()
        session.add_all(_label(query, person) for query, person in leased[:LABELS])


def _reward(version: int, status: str, labels: int, accuracy: float, at: datetime) -> Reward:
    return Reward(
        version=version,
        status=status,
        reason="below chance" if status == "rejected" else "sound",
        path=f"reward/{version}",
        sha256="0" * 64,
        labels=labels,
        held_out=labels // 5,
        label_watermark=labels,
        accuracy=accuracy,
        compared=labels // 5,
        gain=1.0,
        bias=0.0,
        created_at=at,
    )


def _policy(version: int, at: datetime) -> Policy:
    return Policy(
        version=version,
        parent=version - 1 if version else None,
        reward_version=version + 1 if version else None,
        path=f"policy/{version}",
        sha256="0" * 64,
        episodes=1280 * version,
        kl=2.5 * version,
        kl_coef=0.15,
        score=0.8 * version if version else None,
        created_at=at,
    )


def _batches(dice: random.Random) -> list[PPOBatch]:
    return [
        PPOBatch(
            policy_version=batch // 20 + 1,
            batch=batch + 1,
            episodes=64 * (batch + 1),
            stats={
                "score": 2 * (1 - math.exp(-batch / 25)) + dice.gauss(0, 0.1),
                "kl": 6.5 * (1 - math.exp(-batch / 20)) + dice.gauss(0, 0.2) if batch else 0.0,
                "kl_coef": 0.15 - 0.0002 * batch,
            },
        )
        for batch in range(50)
    ]


def _jobs(start: datetime) -> list[JobRow]:
    now = datetime.now(UTC)
    messages = [
        ("policy-3", "ppo", "running", {"kind": "train_policy", "version": 3, "reward_version": 3}, None),
        (
            "reward-4",
            "reward_trainer",
            "queued",
            {"kind": "train_reward", "version": 4, "labels": 300},
            f"OSError: {EVIL}",
        ),
        (
            "sample-252",
            "sampler",
            "running",
            {"kind": "sample_queries", "first": 252, "count": 32, "policy_version": 2},
            None,
        ),
        ("policy-2", "ppo", "done", {"kind": "train_policy", "version": 2, "reward_version": 3}, None),
    ]
    return [
        JobRow(
            key=key,
            queue=queue,
            state=state,
            message=message,
            error=error,
            attempt=2 if error else 1,
            created_at=start,
            started_at=start,
            heartbeat_at=now,
        )
        for key, queue, state, message, error in messages
    ]


def _query(position: int, at: datetime, *, claimed: bool, answered: bool) -> Query:
    return Query(
        position=position,
        policy_version=min(2, position // 80),
        text="Once upon a time",
        tokens=[1, 2],
        claims=int(claimed),
        answers=int(answered),
        created_at=at,
    )


def _writers(query: Query) -> list[int]:
    """Every 16th query is an evaluation query; in every other of those the chosen response, index 1, is ρ's."""
    version = query.policy_version
    assert version is not None
    assert query.position is not None
    if query.position % 16:
        return [version] * 4
    return [0, version, 0, version] if query.position % 32 else [version, 0, version, 0]


def _lease(query: Query, person: Labeler) -> LeaseRow:
    return LeaseRow(
        id=f"lease-{query.position}",
        query_id=query.id,
        labeler_id=person.id,
        shown=[0, 1, 2, 3],
        state="done" if query.answers else "open",
        created_at=query.created_at,
        expires_at=query.created_at + timedelta(minutes=20),
    )


def _label(query: Query, person: Labeler) -> LabelRow:
    return LabelRow(
        query_id=query.id,
        labeler_id=person.id,
        lease_id=f"lease-{query.position}",
        best=1,
        position=1,
        seconds=4.0,
        policy_version=query.policy_version,
        created_at=query.created_at,
    )
