"""`prefloop status`, as data and as one line."""

from services.cli import status
from shared.settings import Settings
from shared.store import loop, stops
from shared.store.database import Database
from tests.shared.store.rows import add_person, add_policy, add_queries, label

SETTINGS = Settings()


def test_who_stopped_the_line_and_why(db: Database) -> None:
    loop.start(db, SETTINGS)
    assert status.as_json(status.read(db, SETTINGS), running=True)["stopped"] is None
    stop = stops.stop(db, by="ada", reason="odd texts")
    found = status.read(db, SETTINGS)
    data = status.as_json(found, running=True)
    assert data["stopped"] == {"by": "ada", "reason": "odd texts", "at": stop.created_at.isoformat()}
    assert data["phase"] == "paused"
    assert status.line(found, SETTINGS).endswith("paused  ada stopped the line: odd texts")


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
