"""Labels stream out of the store by what is asked for, and come in whole, once, and where they harm nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest
from sqlalchemy import text

from shared import plan
from shared.domain import LoopError, Purpose
from shared.exchange.records import Record
from shared.store import evaluations, exports, imports, loop, queries
from shared.store.database import Database
from shared.store.exports import Selection
from shared.store.imports import Imported
from shared.store.queries import Watermark
from shared.store.tables import Reward
from tests.shared.exchange.stored import add, begin, kept, labels, record, settings


def sql(db: Database, statement: str) -> list[tuple[object, ...]]:
    with db.transaction() as session:
        return [tuple(row) for row in session.execute(text(statement))]


def test_a_label_is_exported_with_all_that_it_answers(db: Database) -> None:
    begin(db)
    whole = record(3, shown=2, flag="broken", critique="'too' \"long\"\n\\ 🙂", retracted=True)
    [label_id] = add(db, [whole])
    [found] = labels(db)
    assert kept([found]) == [whole]
    assert (found.label_id, found.query_position, found.policy_version, found.responses[0].policy_version) == (
        label_id, 0, 0, 0,
    )  # fmt: skip


def test_only_what_is_asked_for_is_exported(db: Database) -> None:
    begin(db)
    first = add(db, [record(0), record(1, labeler="grace"), record(2, retracted=True), record(3, none_acceptable=True)])
    newer = add(db, [record(4), record(5)], policy_version=1)

    def ids(**asked: object) -> list[int | None]:
        selection = Selection(**asked)  # type: ignore[arg-type]
        found = [label.label_id for label in exports.labels(db, selection)]
        assert exports.count(db, selection) == len(found)
        return found

    assert ids() == [first[0], first[1], first[3], *newer]
    assert ids(include_retracted=True) == [*first, *newer]
    assert ids(from_policy=1) == newer
    assert ids(to_policy=0) == [first[0], first[1], first[3]]
    assert ids(labelers=("grace",)) == [first[1]]
    second = datetime(2024, 5, 1, 12, 0, 1, tzinfo=UTC)
    assert ids(since=second) == [first[1], first[3], *newer]
    assert ids(until=second) == [first[0]]
    assert ids(purpose=Purpose.GOLD) == []
    with pytest.raises(LoopError, match="--labeler nobody: there is no such account"):
        ids(labelers=("grace", "nobody"))


def test_a_reward_versions_labels_are_those_that_it_read(db: Database) -> None:
    """Whatever came after, or was taken back after."""
    begin(db)
    given = add(db, [record(0), record(1), record(2, retracted=True), record(3, none_acceptable=True)])
    upto = Watermark(given[-1], 1)
    figures = {"status": "published", "reason": "", "path": "", "sha256": "", "labels": 2, "held_out": 0}
    with db.transaction() as session:
        session.add(
            Reward(version=1, label_watermark=upto.label, retraction_watermark=1, compared=0, gain=1, bias=0, **figures)
        )
        session.execute(text("INSERT INTO retractions (by, reason) VALUES ('an operator', 'careless')"))
        session.execute(text("UPDATE labels SET retraction_id = 2 WHERE id = :id"), {"id": given[0]})
    add(db, [record(4)])
    found = [label.label_id for label in exports.labels(db, Selection(reward=1))]
    assert found == [label.label_id for label in queries.labeled(db, upto=upto)] == given[:2]
    with pytest.raises(LoopError, match="--reward 2: there is no such version"):
        next(exports.labels(db, Selection(reward=2)))


def test_the_cursor_is_the_servers_and_fetches_a_batch_at_a_time(db: Database) -> None:
    begin(db)
    imports.add(db, (record(number, n=2) for number in range(2_000)), source="file")
    with db.snapshot() as session:
        found = exports.stream(session, Selection())
        first = next(found)
        [(name, statement)] = session.execute(text("SELECT name, statement FROM pg_cursors")).all()
        assert "FROM labels" in statement
        following = session.execute(text(f'FETCH 1 FROM "{name}"')).one()
        assert first.label_id is not None
        assert following.id == first.label_id + exports.BATCH  # so many had been fetched for the first one
        found.close()
    assert sum(1 for _ in exports.labels(db, Selection())) == 2_000
    assert sql(db, "SELECT min(position), max(position), count(*) FROM queries") == [(-2_000, -1, 2_000)]


def test_an_imported_label_is_there_for_training_and_nobody_is_asked_again(db: Database) -> None:
    begin(db)
    given = [record(0), record(1, n=2, labeler=None, seconds=None, created_at=None)]
    assert imports.add(db, given, source="file") == Imported(stored=2, known=0)
    assert sql(db, "SELECT position, purpose, policy_version, wanted, claims, answers FROM queries ORDER BY id") == [
        (-1, "training", None, 1, 1, 1),
        (-2, "training", None, 1, 1, 1),
    ]
    one = "SELECT lease_id, policy_version, seconds, name FROM labels JOIN labelers ON labeler_id = labelers.id"
    assert sql(db, f"{one} ORDER BY labels.id") == [(None, None, 2.5, "ada"), (None, None, None, "imported")]
    assert sql(db, "SELECT count(*) FROM api_keys") == [(0,)]
    learnt = queries.labeled(db, upto=queries.watermark(db))
    assert [(label.position, label.best, len(label.responses)) for label in learnt] == [(-2, 1, 2), (-1, 0, 4)]


def test_the_loop_counts_imported_labels_and_goes_on(db: Database) -> None:
    begin(db)
    add(db, [record(100)])
    imports.add(db, [record(number) for number in range(3)], source="file")
    state = loop.state(db)
    assert (state.labels, state.open_queries, state.next_position) == (4, 0, 0)
    assert plan.plan(state, settings(labels__budget="2", labels__initial="1", labels__retrainings="1"))
    assert loop.overview(db).labelers == [("ada", 4)]
    assert evaluations.human_win_rates(db) == []
    assert queries.retire(db, before=9) == 0


def test_the_same_file_twice_is_one_file(db: Database) -> None:
    """And what a file holds twice stays twice, of the loop's own labels too."""
    begin(db)
    add(db, [record(0)])
    file = [record(0), record(1), record(1), record(1, best=0), record(1, labeler="grace")]
    assert imports.add(db, file, source="file") == Imported(stored=4, known=1)
    assert imports.add(db, file, source="file") == Imported(stored=0, known=5)
    assert imports.add(db, [*file, record(1)], source="file") == Imported(stored=1, known=5)
    assert imports.add(db, file[:1], source="file", labeler="joan") == Imported(stored=1, known=0)
    assert sorted(label.labeler or "" for label in labels(db)) == ["ada"] * 5 + ["grace", "joan"]


def test_answers_of_several_people_to_one_question_are_of_one_query(db: Database) -> None:
    """It is held out as a whole. A person answers it once; what else they said of the same is of another query."""
    begin(db)
    imports.add(db, [record(0), record(0, labeler="grace", best=1)], source="file")
    imports.add(db, [record(0, labeler="joan"), record(0, best=2)], source="other")
    counts = "SELECT position, wanted, claims, answers FROM queries ORDER BY position DESC"
    assert sql(db, counts) == [(-1, 3, 3, 3), (-2, 1, 1, 1)]
    assert {label.position for label in queries.labeled(db, upto=queries.watermark(db))} == {-1, -2}


def test_what_was_retracted_stays_so(db: Database) -> None:
    begin(db)
    imports.add(db, [record(0, retracted=True), record(1)], source="file.jsonl")
    assert [label.retracted for label in labels(db)] == [True, False]
    assert sql(db, "SELECT by, reason FROM retractions") == [("import", "retracted before file.jsonl was imported")]
    assert loop.state(db).labels == 1


def test_all_or_nothing(db: Database) -> None:
    begin(db)

    def file() -> Iterator[Record]:
        yield from (record(number) for number in range(imports.BATCH + 1))
        raise LoopError("line 502")

    with pytest.raises(LoopError, match="line 502"):
        imports.add(db, file(), source="file")
    assert sql(db, "SELECT (SELECT count(*) FROM queries), (SELECT count(*) FROM labelers)") == [(0, 0)]
    assert imports.add(db, islice(file(), 3), source="file").stored == 3


def test_there_is_a_loop_to_import_into(db: Database) -> None:
    with pytest.raises(LoopError, match="holds no loop yet"):
        imports.add(db, [record()], source="file")
