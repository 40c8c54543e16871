"""`prefloop status`, as data and as one line."""

from services.cli import status
from shared.settings import Settings
from shared.store import loop
from shared.store.database import Database
from tests.shared.store.rows import add_person, add_policy, add_queries, label

SETTINGS = Settings()


def test_people_s_choice_between_the_policy_and_the_reference(db: Database) -> None:
    loop.start(db, SETTINGS)
    add_policy(db)
    add_queries(db, [0])
    ada = add_person(db)
    label(db, ada)
    found = status.read(db, SETTINGS)
    assert status.as_json(found, running=True)["human_win_rate"] is None
    assert "people choose" not in status.line(found, SETTINGS)
    add_policy(db, 1)
    add_queries(db, [1, 2], policy_version=1, written_by=(0, 1, 1, 1))
    label(db, ada)
    label(db, ada)
    found = status.read(db, SETTINGS)
    human = status.as_json(found, running=True)["human_win_rate"]
    assert (human["policy_version"], human["labels"], human["chance"]) == (1, 2, 0.75)
    assert f"people choose policy 1 over ρ in {human['wins']} of 2" in status.line(found, SETTINGS)
