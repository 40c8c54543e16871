"""Stops of the line."""

from concurrent.futures import ThreadPoolExecutor

from shared.store import stops
from shared.store.database import Database
from tests.shared.store.rows import sql


def test_a_stop_stands_until_somebody_resumes(db: Database) -> None:
    assert stops.standing(db) is None
    stop = stops.stop(db, by="ada", reason="odd\0 texts")
    assert (stop.by, stop.reason) == ("ada", "odd\N{REPLACEMENT CHARACTER} texts")
    assert stops.standing(db) == stop
    assert stops.resume(db, by="operator") == stop
    assert stops.standing(db) is None
    assert stops.resume(db, by="operator") is None
    assert sql(db, 'SELECT "by", resumed_by, resumed_at >= created_at FROM stops') == [("ada", "operator", True)]


def test_of_many_who_stop_it_at_once_the_first_is_named_to_all(db: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: stops.stop(db, by=f"labeler {n}", reason="odd texts"), range(8)))
    assert len({stop.id for stop in found}) == 1
    assert {stop.by for stop in found} == {stop.by for stop in [stops.standing(db)] if stop}


def test_the_next_stop_is_another(db: Database) -> None:
    first = stops.stop(db, by="ada", reason="odd texts")
    stops.resume(db, by="operator")
    second = stops.stop(db, by="grace", reason="still odd")
    assert (second.by, second.reason) == ("grace", "still odd")
    assert second.id != first.id
