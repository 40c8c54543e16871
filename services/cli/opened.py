"""A loop's store, for commands that look into it or change it, whether the loop runs or not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.cli.configure import Options, settings_for
from services.cli.folder import RunFolder
from services.cli.running import store_of
from shared.settings import PREFIX, Settings, load_settings, validated
from shared.store import loop
from shared.store.database import Database


@contextmanager
def opened(path: Path | None) -> Iterator[tuple[Database, Settings]]:
    """The store of the run in `path`; None: the one PREFLOOP_DATABASE_URL names, else the run last started in runs/.

    LoopError where there is none.
    """
    if path is None and os.environ.get(f"{PREFIX}DATABASE_URL"):
        settings = load_settings()
        db = Database(settings.database_url.get_secret_value())
        try:
            yield db, settings
        finally:
            db.close()
        return
    folder = RunFolder.existing(path) if path else RunFolder.newest(Path("runs"))
    settings = settings_for(folder, Options())
    with store_of(folder, settings) as (db, _):
        yield db, settings


def started_with(db: Database) -> Settings:
    """What the loop in this store was last started with, whatever the environment of this command says."""
    return validated(loop.stored_settings(db))
