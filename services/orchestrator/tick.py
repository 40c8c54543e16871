"""One look at the loop: what is missing is derived from the label store alone, noted there, then sent."""

import logging

from services.orchestrator import guards
from shared.live import current
from shared.plan import plan
from shared.queues import SILENT_SECONDS, Queues
from shared.settings import LabelSettings, Settings
from shared.store import accounts, comparisons, gold, jobs, loop, queries, steering, versions
from shared.store.database import Database

log = logging.getLogger(__name__)


def tick(db: Database, queues: Queues, settings: Settings, *, silence_counts: bool = True) -> int:
    """Returns the number of messages sent. LoopError where PostgreSQL or Redis does not answer.

    `silence_counts`: a running job without a sign of life for SILENT_SECONDS is given up.

    It may be cut off anywhere and run twice at once: a job is noted once by its key, and a message that comes twice
    finds its job taken.
    """
    settings = current(db, settings)
    if silence_counts:
        for key in jobs.give_up_silent(db, seconds=SILENT_SECONDS):
            log.warning("%s: its worker fell silent; another attempt", key)
    oldest = versions.generations_back(db, settings.sampler.staleness)
    if oldest is not None and (retired := queries.retire(db, before=oldest)):
        log.info("%d queries retired: policies before %d are too far from the live one", retired, oldest)
    if abandoned := steering.retire_abandoned(db):
        log.info("%d queries retired: policies that were rolled back wrote them", abandoned)
    _pause_by_gold(db, settings.labels)
    for ended in comparisons.settle(db):
        log.info("comparison %d is %s: %d to %d", ended.id, ended.state, ended.tally.wins, ended.tally.losses)
    guards.watch(db, settings)
    state = loop.state(db)
    steering.note_planned(db, state, plan(state, settings))
    lost = [job for job in jobs.to_send(db) if not queues.holds(job)]
    for job in lost:
        queues.send(job)
        log.info("%s sent, attempt %d", job.key, job.attempt)
    return len(lost)


def _pause_by_gold(db: Database, labels: LabelSettings) -> None:
    """Pause who is surely worse at gold queries than the bound: their labels stay until somebody retracts them."""
    for name, accuracy in gold.surely_below(db, labels.gold_accuracy, least=labels.gold_least, at_work=True).items():
        reason = f"{accuracy.count:.0f} of {accuracy.of} gold answers right: below {labels.gold_accuracy:.0%} for sure"
        accounts.pause(db, name, reason)
        log.warning("%s paused: %s", name, reason)
