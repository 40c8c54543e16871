"""Removing the weights of versions that nothing uses, and what attempts that were given up left behind."""

import logging

from shared.checkpoints import Checkpoints
from shared.domain import Job
from shared.line import between_steps
from shared.publishing import stored
from shared.settings import KeepSettings
from shared.store import actions, keeping
from shared.store.database import Database
from shared.store.keeping import Versions

log = logging.getLogger(__name__)


def prune(db: Database, checkpoints: Checkpoints, job: Job, request: int, keep: KeepSettings) -> None:
    """Mark what is not to stay, then remove its folders; done again after a kill it goes on with what is left.

    What came of it is the result of action `request`. With `dry_run` there, nothing is marked or removed.
    """
    action = actions.asked(db, request)
    dry_run = bool(action.detail.get("dry_run"))
    folders = checkpoints.folders()
    if not dry_run:
        keeping.mark(db, keep)
    going = keeping.spare(db, keep) if dry_run else Versions()
    known = keeping.known(db)
    useless = [one.path for one in folders if known.is_useless((one.kind, one.version), one.path, going)]
    freed = 0
    for path in useless:
        between_steps(db, job)
        freed += checkpoints.size(path) if dry_run else checkpoints.remove(path)
    gone = going if dry_run else keeping.marked_since(db, action.created_at)
    result = {
        "dry_run": dry_run,
        "policies": sorted(gone.policies),
        "rewards": sorted(gone.rewards),
        "folders": len(useless),
        "bytes": freed,
    }
    stored(db, job, lambda: keeping.settle(db, job, request, result))
    log.info("%s: %d folders, %d bytes%s", job.key, len(useless), freed, " would go" if dry_run else " removed")
