"""How every service begins and ends: its log, its connection to the label store, its signs of life."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from shared import tracing
from shared.presence import present
from shared.settings import Settings
from shared.store import migrate
from shared.store.database import Database, StoreAwayError
from shared.telemetry import configure

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0


@contextmanager
def running(service: str, settings: Settings, facts: Callable[[], Mapping[str, Any]] = dict) -> Iterator[Database]:
    """Enter it once, first, in the entry point. `facts`: what the process says of itself with each sign of life."""
    configure(service, settings.log_level, form=settings.log_format, run=settings.name)
    tracing.configure(service, settings.name, settings.tracking.otlp)
    with closing(Database(settings.database_url.get_secret_value())) as db:
        _await_tables(db)
        with present(db, service, facts):
            yield db


def _await_tables(db: Database) -> None:
    """Wait while the store's tables are of another version. A store that is away is no matter: services wait for it."""
    said = ""
    while True:
        try:
            migrate.check(db)
        except StoreAwayError:
            return
        except migrate.OtherVersionError as error:
            if str(error) != said:
                log.error("waiting: %s", error)
                said = str(error)
            time.sleep(POLL_SECONDS)
        else:
            return
