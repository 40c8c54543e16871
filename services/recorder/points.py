"""What is written down: points of curves over episodes, from what the store holds. Pure.

A point has a key for good: whoever has it is not given it again. So a batch that is done again (its worker was killed)
keeps the figures that were written first, and a human win rate is written when people have gone on to a newer policy.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.measures import (
    BATCH,
    EPISODE,
    HUMAN_LABELS,
    HUMAN_WIN_RATE,
    POLICY_VERSION,
    REWARD_ACCURACY,
    REWARD_LABELS,
    REWARD_VERSION,
    gate_figure,
)
from shared.store.curves import Curves, TimedBatch
from shared.telemetry import printable


@dataclass(frozen=True, slots=True)
class Point:
    """`line` counts the rollbacks before it: after one, the same episodes come again. `texts` are Markdown.

    `settled`: it is what it will be, and may be written.
    """

    key: str
    line: int
    episodes: int
    at: datetime
    scalars: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    settled: bool = True

    @property
    def empty(self) -> bool:
        return not self.scalars and not self.texts


def empty(key: str) -> Point:
    """In place of one that the store has no more, as where all labels behind a win rate were retracted."""
    return Point(key, 0, 0, datetime.fromtimestamp(0, UTC))


def points(curves: Curves, *, planned: int, quiet_since: datetime) -> dict[str, Point]:
    """All of them by key, the earliest first.

    The last policy's human win rate is settled once all `planned` episodes are taken and nobody labels, since then.
    """
    found = [
        *(_batch(batch, _line(curves, policy=batch.policy_version)) for batch in curves.batches),
        *_policies(curves),
        *_rewards(curves),
        *_win_rates(curves, planned=planned, quiet_since=quiet_since),
    ]
    return {point.key: point for point in sorted(found, key=lambda point: point.at)}


def _batch(batch: TimedBatch, line: int) -> Point:
    named = {BATCH[key].name: value for key, value in batch.stats.items() if key in BATCH}
    more = {EPISODE.name: batch.episodes, POLICY_VERSION.name: batch.policy_version}
    key = f"batch-{batch.policy_version}-{batch.batch}"
    return Point(key, line, batch.episodes, batch.created_at, {**named, **more})


def _policies(curves: Curves) -> Iterator[Point]:
    """The answers to the fixed queries."""
    for policy in curves.policies:
        texts = {
            f"probes/{index}": _as_code(
                {
                    "query": probe.query,
                    "response": probe.response,
                    "score": "none" if probe.score is None else f"{probe.score:.3f}",
                }
            )
            for index, probe in enumerate(curves.probes.get(policy.version, ()))
        }
        line = _line(curves, policy=policy.version)
        yield Point(f"policy-{policy.version}", line, policy.episodes, policy.created_at, texts=texts)


def _rewards(curves: Curves) -> Iterator[Point]:
    """Rejected ones too: `episodes` are those of the newest policy then."""
    for reward in curves.rewards:
        before = [policy.episodes for policy in curves.policies if policy.created_at <= reward.created_at]
        scalars: dict[str, float] = {REWARD_VERSION.name: reward.version, REWARD_LABELS.name: reward.labels}
        if reward.accuracy is not None:
            scalars[REWARD_ACCURACY.name] = reward.accuracy
        for check in reward.verdict:
            scalars |= {
                gate_figure(check.name, key): value for key, value in check.figures.items() if value is not None
            }
        yield Point(
            f"reward-{reward.version}",
            _line(curves, reward=reward.version),
            before[-1] if before else 0,
            reward.created_at,
            scalars,
            {"reward/verdict": _as_code({"version": str(reward.version), reward.status.value: reward.reason})},
        )


def _win_rates(curves: Curves, *, planned: int, quiet_since: datetime) -> Iterator[Point]:
    policies = {policy.version: policy for policy in curves.policies}
    newest = max((human.policy_version for human in curves.win_rates), default=None)
    over = any(policy.episodes >= planned for policy in curves.policies)
    over = over and (curves.labeled_at is None or curves.labeled_at <= quiet_since)
    for human in curves.win_rates:
        policy = policies[human.policy_version]
        scalars = {HUMAN_WIN_RATE.name: human.rate, HUMAN_LABELS.name: float(human.labels)}
        line = _line(curves, policy=policy.version)
        settled = over or human.policy_version != newest
        yield Point(f"human-{policy.version}", line, policy.episodes, policy.created_at, scalars, settled=settled)


def _line(curves: Curves, *, policy: int | None = None, reward: int | None = None) -> int:
    if policy is not None:
        return sum(policy > back.last_policy for back in curves.rollbacks)
    assert reward is not None
    return sum(reward > back.last_reward for back in curves.rollbacks)


def _as_code(words: Mapping[str, str]) -> str:
    """Texts of models as Markdown shows code: nothing in them is a link, an image or a line of its own."""
    return "\n".join(f"    {name}: {printable(text)}" for name, text in words.items())
