"""Read the loop's state from the label store and shape it for the page."""

from shared.store.database import Database

from services.dashboard.phase import phase
from services.dashboard.view import (
    View,
)
from shared.settings import Settings
from shared.store import loop, versions

POINTS = 400  # of a curve: more than a chart has pixels for is only slower


def read(db: Database, settings: Settings) -> View:
    """The loop as it is now. Raises LoopError where the store does not answer."""
    state, overview, batches = loop.state(db), loop.overview(db), loop.batches(db)
    policies, rewards = versions.policies(db), versions.rewards(db)
    return View(
        name=settings.name,
        schedule=settings.schedule,
        phase=phase(state, settings, [job.job for job in overview.unfinished], leases=overview.leases_open),
        labels=_labels(state, overview, settings),
        reward=_rewards(rewards, chance=1 / settings.task.responses),
        policy=_policies(policies),
        training=_training(batches, policies, settings),
        jobs=[*map(_unfinished, overview.unfinished), *map(_failed, overview.failed)],
    )
