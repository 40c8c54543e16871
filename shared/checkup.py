"""Look whether the loop is well: the facts from the label store and Redis, for shared/health.py."""

from collections.abc import Callable
from dataclasses import replace

from shared import plan
from shared.domain import LoopError, LoopState
from shared.health import Facts, Health, diagnose
from shared.live import current
from shared.settings import Settings
from shared.store import freshness, loop, presence, stops, symptoms, webhooks
from shared.store.database import Database
from shared.store.freshness import Clock, Freshness


def check(db: Database, settings: Settings, redis: Callable[[], object]) -> Health:
    """`redis` asks Redis anything. LoopError where PostgreSQL does not answer, or holds no loop."""
    settings = current(db, settings)
    state = loop.state(db)
    facts = Facts(
        stops=stops.all_standing(db),
        symptoms=symptoms.read(db),
        processes=presence.processes(db),
        freshness=_due(freshness.read(db), state, settings),
        webhooks=webhooks.endpoints(db),
        blocked=plan.blocked(state, settings),
        redis_error=_error(redis),
        wants_labels=not plan.finished(state, settings) and state.labels < plan.labels_wanted(state, settings),
    )
    return diagnose(facts, settings.freshness)


def _error(redis: Callable[[], object]) -> str | None:
    try:
        redis()
    except LoopError as error:
        return str(error)
    return None


def _due(found: Freshness, state: LoopState, settings: Settings) -> Freshness:
    """Nothing waits for what will not come: after the last training, episode and question the clocks stand."""
    trains = state.training_reward or state.retrain is not None
    asks = state.labels + state.open_queries < settings.labels.budget or state.sampling > 0
    return Freshness(
        _clock(found.label_to_reward, due=trains or state.reward_trainings < len(plan.thresholds(settings))),
        _clock(found.reward_to_policy, due=state.episodes < settings.ppo.episodes),
        _clock(found.policy_to_sample, due=asks),
    )


def _clock(clock: Clock, *, due: bool) -> Clock:
    return clock if due else replace(clock, now=None)
