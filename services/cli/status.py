"""What the loop has come to, read from its store: as data and as one line."""

from dataclasses import asdict, dataclass
from typing import Any

from shared import plan
from shared.checkup import check
from shared.domain import LoopState, PolicyVersion, RewardVersion, Service, Stop
from shared.health import Alarm
from shared.settings import Settings
from shared.store import actions, loop, presence, stops, versions
from shared.store.database import Database
from shared.store.evaluations import HumanWinRate, human_win_rates

HEART = "orchestrator"
ALIVE_SECONDS = 10.0  # since its last sign of life, of which there is one every two


@dataclass(frozen=True, slots=True)
class Status:
    state: LoopState
    policy: PolicyVersion | None
    reward: RewardVersion | None
    human_win_rate: HumanWinRate | None
    phase: str
    blocked: str | None
    stops: list[Stop]
    """The line's first, then those of services."""
    changed: dict[str, Any]
    """Settings that operators changed while the loop ran."""
    batch: dict[str, float]
    """Figures of the newest PPO batch: kl, score and the like; empty before the first."""


def read(db: Database, settings: Settings) -> Status:
    state, changed = loop.state(db), actions.overrides(db)
    settings = settings.changed(changed)
    newest = max(loop.batches(db), key=lambda batch: (batch.policy_version, batch.batch), default=None)
    blocked = plan.blocked(state, settings)
    return Status(
        state,
        versions.live_policy(db),
        versions.live_reward(db),
        next(iter(human_win_rates(db)[-1:]), None),
        phase(state, settings, blocked),
        blocked,
        stops.all_standing(db),
        changed,
        newest.stats if newest else {},
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
    trainings = (
        ("the reward model", state.training_reward, Service.REWARD_TRAINER),
        ("the policy", state.training_policy, Service.PPO),
    )
    busy = [f"training {what}{' (paused)' * (who in state.services)}" for what, on, who in trainings if on]
    return " and ".join(busy) or "collecting labels"


def line(status: Status, settings: Settings) -> str:
    state, reward, policy = status.state, status.reward, status.policy
    budget = settings.changed(status.changed).labels.budget
    parts = [f"labels {state.labels}/{budget}", f"open {state.open_queries}"]
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
    parts += [f"{stop.by} stopped {stop.service or 'the line'}: {stop.reason}" for stop in status.stops]
    parts += [f"{key} is {value}" for key, value in status.changed.items()]
    return "  ".join(parts)


def as_json(status: Status, *, running: bool) -> dict[str, Any]:
    state, reward, policy = status.state, status.reward, status.policy
    stop = next((stop for stop in status.stops if stop.service is None), None)
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
        "stops": [{**asdict(one), "created_at": one.created_at.isoformat()} for one in status.stops],
        "changed_settings": status.changed,
        "failed_jobs": list(state.failed),
        "running": running,
    }


def alarms(db: Database, settings: Settings) -> list[Alarm]:
    """What is wrong with a loop that runs, and what to do. Redis is not asked: its address is no part of the store."""
    return list(check(db, settings, lambda: None).alarms)


def is_running(db: Database) -> bool:
    """Whether an orchestrator gave a sign of life just now: nothing goes on without one."""
    alive = (process.silent_seconds < ALIVE_SECONDS for process in presence.processes(db) if process.service == HEART)
    return any(alive)
