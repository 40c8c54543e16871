"""What the loop has come to, read from its store: as data and as one line."""

from dataclasses import dataclass
from typing import Any

from services.cli.folder import RunFolder
from services.cli.running import store_of
from shared import plan
from shared.domain import LoopState, PolicyVersion, RewardVersion, Stop
from shared.settings import Settings
from shared.store import loop, stops, versions
from shared.store.database import Database
from shared.store.evaluations import HumanWinRate, human_win_rates


@dataclass(frozen=True, slots=True)
class Status:
    state: LoopState
    policy: PolicyVersion | None
    reward: RewardVersion | None
    human_win_rate: HumanWinRate | None
    phase: str
    blocked: str | None
    stop: Stop | None
    batch: dict[str, float]
    """Figures of the newest PPO batch: kl, score and the like; empty before the first."""


def read(db: Database, settings: Settings) -> Status:
    state = loop.state(db)
    newest = loop.batches(db)[-1:]
    blocked = plan.blocked(state, settings)
    return Status(
        state,
        versions.live_policy(db),
        versions.live_reward(db),
        next(iter(human_win_rates(db)[-1:]), None),
        phase(state, settings, blocked),
        blocked,
        stops.standing(db),
        newest[0].stats if newest else {},
    )


def phase(state: LoopState, settings: Settings, blocked: str | None) -> str:
    """What the loop is doing, in a few words; several things at once where it is online."""
    if state.paused:
        return "paused"
    if blocked is not None:
        return "blocked"
    if plan.finished(state, settings):
        return "finished"
    if state.policy_version is None:
        return "publishing the reference policy"
    busy = ["training the reward model"] * state.training_reward + ["training the policy"] * state.training_policy
    return " and ".join(busy) or "collecting labels"


def line(status: Status, settings: Settings) -> str:
    state, reward, policy = status.state, status.reward, status.policy
    parts = [f"labels {state.labels}/{settings.labels.budget}", f"open {state.open_queries}"]
    if reward is not None:
        held_out = "" if reward.accuracy is None else f" (held-out accuracy {reward.accuracy:.0%} of {reward.compared})"
        parts.append(f"reward {reward.version}{held_out}")
    if policy is not None:
        parts.append(f"policy {policy.version}")
    if status.batch:
        parts.append(f"KL {status.batch['kl']:.2f} nats, score {status.batch['score']:+.2f}")
    if (human := status.human_win_rate) is not None:
        parts.append(f"people choose policy {human.policy_version} over ρ in {human.wins} of {human.labels}")
    parts.append(status.phase)
    if status.stop is not None:
        parts.append(f"{status.stop.by} stopped the line: {status.stop.reason}")
    return "  ".join(parts)


def as_json(status: Status, *, running: bool) -> dict[str, Any]:
    state, reward, policy, stop = status.state, status.reward, status.policy, status.stop
    return {
        "labels": state.labels,
        "open_queries": state.open_queries,
        "reward_version": state.reward_version,
        "reward_trainings": state.reward_trainings,
        "reward_accuracy": reward.accuracy if reward else None,
        "policy_version": state.policy_version,
        "episodes": state.episodes,
        "kl": policy.kl if policy else None,
        "kl_coef": policy.kl_coef if policy else None,
        "score": policy.score if policy else None,
        "human_win_rate": status.human_win_rate.as_dict() if status.human_win_rate else None,
        "phase": status.phase,
        "blocked": status.blocked,
        "stopped": stop and {"by": stop.by, "reason": stop.reason, "at": stop.created_at.isoformat()},
        "failed_jobs": list(state.failed),
        "running": running,
    }


def read_folder(folder: RunFolder, settings: Settings) -> tuple[Status, bool]:
    """The status of a run and whether it runs now."""
    with store_of(folder, settings) as (db, running):
        return read(db, settings), running
