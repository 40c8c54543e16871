"""How every service begins and ends: its log, its connection to the label store, its signs of life."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from shared.presence import present
from shared.settings import Settings
from shared.store.database import Database
from shared.telemetry import configure


@contextmanager
def running(service: str, settings: Settings) -> Iterator[Database]:
    """Enter it once, first, in the entry point."""
    configure(service, settings.log_level)
    with closing(Database(settings.database_url.get_secret_value())) as db, present(db, service):
        yield db
