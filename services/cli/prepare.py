"""Makes a store ready for the services: tables, accounts, the row that says which loop it is. Does no harm twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain import Role
from shared.settings import Settings
from shared.store import accounts, loop, migrate
from shared.store.database import Database


@dataclass(frozen=True, slots=True)
class Keys:
    """The API keys of the first accounts; an empty one makes no account."""

    operator: str
    labeler: str
    simulated: Sequence[str] = ()


def prepare(settings: Settings, keys: Keys) -> None:
    """LoopError where the database cannot be reached, or belongs to a newer version or to another loop."""
    url = settings.database_url.get_secret_value()
    migrate.migrate(url)
    db = Database(url)
    try:
        wanted = [("operator", Role.OPERATOR, keys.operator), ("labeler", Role.LABELER, keys.labeler)]
        wanted += [(f"simulated-{n}", Role.LABELER, key) for n, key in enumerate(keys.simulated, 1)]
        for name, role, key in wanted:
            if key:
                accounts.ensure_account(db, name, role, key)
        loop.start(db, settings)
    finally:
        db.close()
