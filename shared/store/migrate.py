"""Bring a database to this version's tables (alembic; the steps lie in migrations/)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from shared.domain import LoopError
from shared.store.database import Database, parse

LOCK = 7_003_141  # any number: two migrations of one database wait for each other
MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"


class OtherVersionError(LoopError):
    """The tables are not of this version of prefloop."""


def check(db: Database) -> None:
    """OtherVersionError where the tables are not of our version, StoreAwayError where the store does not answer."""
    script = ScriptDirectory.from_config(_config())
    there = text("SELECT to_regclass('alembic_version') IS NOT NULL")
    with db.glance() as connection:
        version = text("SELECT version_num FROM alembic_version")
        found = connection.execute(version).scalar() if connection.execute(there).scalar_one() else None
    ours = script.get_current_head()
    if found == ours:
        return
    if found is None or found in {step.revision for step in script.walk_revisions()}:
        raise OtherVersionError(f"the label store's tables are of version {found}, not {ours}: run `prefloop migrate`")
    raise OtherVersionError(
        f"the label store was made by another version of prefloop (its tables are of version {found}, ours of {ours}): "
        "run that one"
    )


def migrate(url: str) -> None:
    """From whatever version the database has, also none, to ours. Does no harm twice.

    LoopError where the database does not answer or was made by a newer prefloop.
    """
    config = _config()
    engine = create_engine(parse(url), connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise LoopError(f"the label store cannot be migrated: {reason}; check PREFLOOP_DATABASE_URL") from None
    except CommandError as error:
        raise LoopError(
            f"the label store was made by another version of prefloop ({error}): install that one, or name a new "
            "folder or database"
        ) from None
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
