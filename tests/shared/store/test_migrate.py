"""Migrations build what tables.py describes, from zero and once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from services.cli.servers import free_port
from shared.domain import LoopError
from shared.store import loop
from shared.store.database import Database
from shared.store.migrate import MIGRATIONS, OtherVersionError, check, migrate
from shared.store.tables import Base


def inside(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        found = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return found


def upgraded(url: str, version: str) -> None:
    """Bring a database to an earlier version's tables."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


def everything(url: str) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables, in order."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    return {
        str(table): [row for (row,) in inside(url, f"SELECT to_jsonb(t) FROM {table} AS t ORDER BY t::text")]  # type: ignore[misc]
        for (table,) in inside(url, tables)
    }


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


def test_from_zero_the_tables_are_those_of_the_code(empty_database_url: str) -> None:
    migrate(empty_database_url)
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        assert differences(connection) == []
        connection.execute(text("ALTER TABLE labels DROP COLUMN seconds"))
        assert differences(connection) != []  # the comparison does look
        connection.rollback()
    engine.dispose()


def test_checks_and_partial_indexes_are_those_of_the_code(database_url: str, empty_database_url: str) -> None:
    """What alembic does not compare: PostgreSQL's own words for both ways of building."""
    engine = create_engine(empty_database_url)
    Base.metadata.create_all(engine)
    engine.dispose()
    words = (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
        "AND conname NOT LIKE 'alembic%' UNION SELECT indexname, indexdef FROM pg_indexes "
        "WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2"
    )
    migrated = inside(database_url, words)
    assert migrated == inside(empty_database_url, words)
    assert any("WHERE" in str(definition) for _, definition in migrated)


def test_every_constraint_is_named_by_the_convention(database_url: str) -> None:
    engine = create_engine(database_url)
    look = inspect(engine)
    tables = [table for table in look.get_table_names() if table != "alembic_version"]
    assert set(tables) == set(Base.metadata.tables)
    for table in tables:
        names = [
            *((constraint["name"], f"ck_{table}_") for constraint in look.get_check_constraints(table)),
            *((key["name"], f"fk_{table}_") for key in look.get_foreign_keys(table)),
            *((constraint["name"], f"uq_{table}_") for constraint in look.get_unique_constraints(table)),
            (look.get_pk_constraint(table)["name"], f"pk_{table}"),
        ]
        assert [name for name, start in names if name is None or not name.startswith(start)] == []
    engine.dispose()


def test_twice_does_no_harm(database_url: str) -> None:
    inside(database_url, "INSERT INTO labelers (name, role) VALUES ('ada', 'labeler')")
    migrate(database_url)
    assert inside(database_url, "SELECT name FROM labelers") == [("ada",)]


def test_responses_of_the_first_version_are_their_query_s_policy_s(empty_database_url: str) -> None:
    upgraded(empty_database_url, "0001")
    inside(
        empty_database_url,
        "INSERT INTO policies (version, path, sha256, episodes, kl_coef) VALUES (0, '', '', 0, 1), (4, '', '', 0, 1); "
        "INSERT INTO queries (position, policy_version, text, tokens) VALUES (0, 0, '', '{}'), (1, 4, '', '{}'); "
        "INSERT INTO responses SELECT id, index, '', '{}' FROM queries, generate_series(0, 1) AS index",
    )
    migrate(empty_database_url)
    written = "SELECT position, responses.policy_version FROM responses JOIN queries ON id = query_id ORDER BY position"
    assert inside(empty_database_url, written) == [(0, 0), (0, 0), (1, 4), (1, 4)]


OF_0001 = """
INSERT INTO run (id, name, settings, paused) VALUES (1, 'mine', '{"seed": 7}', true);
INSERT INTO labelers (name, role) VALUES ('ada', 'labeler'), ('op', 'operator');
INSERT INTO api_keys (labeler_id, prefix, sha256) VALUES (1, 'pf_a', repeat('a', 64));
INSERT INTO policies (version, path, sha256, episodes, kl_coef) VALUES (0, 'policy/0', repeat('0', 64), 0, 0.15);
INSERT INTO rewards VALUES (1, 'published', 'sound', 'reward/1', repeat('1', 64), 1, 0, 1, 0.75, 2.0, -1.0, now());
INSERT INTO policies (version, parent, reward_version, path, sha256, episodes, kl, kl_coef, score)
    VALUES (1, 0, 1, 'policy/1', repeat('2', 64), 16, 1.5, 0.2, 0.5);
INSERT INTO ppo_batches (policy_version, batch, episodes, stats) VALUES (1, 1, 16, '{"kl": 1.5}');
INSERT INTO queries (position, policy_version, text, tokens, claims, answers) VALUES (0, 0, 'one', '{1}', 1, 1),
    (1, 1, 'two', '{2}', 0, 0);
INSERT INTO responses SELECT id, index, 'said', '{3}' FROM queries, generate_series(0, 3) AS index;
INSERT INTO leases (id, query_id, labeler_id, shown, state, reason, expires_at, closed_at) VALUES
    ('done', 1, 1, '{0,1,2,3}', 'done', NULL, now(), now()),
    ('skipped', 2, 1, '{0,1,2,3}', 'skipped', 'odd', now(), now());
INSERT INTO labels (query_id, labeler_id, lease_id, best, position, seconds, policy_version)
    VALUES (1, 1, 'done', 2, 0, 3.5, 0);
INSERT INTO jobs (key, queue, message, attempt, failures, state, error) VALUES
    ('policy-2', 'ppo', '{"kind": "train_policy", "version": 2, "reward_version": 1}', 2, 1, 'running', 'once');
"""
OF_0004 = """
INSERT INTO stops (by, reason, resumed_by, resumed_at) VALUES ('ada', 'odd texts', 'op', now());
INSERT INTO comparisons (version, against, alpha) VALUES (1, 0, 0.05);
INSERT INTO retractions (by, reason) VALUES ('op', 'a child typed');
INSERT INTO invitations (labeler_id, sha256, expires_at) VALUES (1, repeat('3', 64), now());
INSERT INTO sign_ins (labeler_id, sha256, expires_at) VALUES (2, repeat('4', 64), now());
INSERT INTO webhooks (url, secret, events, cursors) VALUES ('https://a.example', 'whsec_x', '{label}', '{"label": 1}');
"""


@pytest.mark.parametrize("version", ["0001", "0002", "0003", "0004"])
def test_a_store_of_an_earlier_version_keeps_every_row(empty_database_url: str, version: str) -> None:
    url = empty_database_url
    upgraded(url, "0001")
    inside(url, OF_0001)
    upgraded(url, version)
    if version == "0004":
        inside(url, OF_0004)
    before = everything(url)
    migrate(url)
    after = everything(url)
    assert all(before.values())  # no table without a row
    if version < "0004":  # since then a pause is a stop, and a skip's free text a note
        [run] = before["run"]
        del run["paused"]
        for row in before["leases"]:
            row |= {"note": row["reason"], "reason": row["reason"] and "other"}
    for table, rows in before.items():
        assert [{name: row[name] for name in rows[0]} for row in after[table]] == rows, table
    assert ("an operator", None) in [(row["by"], row["resumed_at"]) for row in after["stops"]]
    with closing(Database(url)) as db:
        check(db)
        state = loop.state(db)
    assert (state.labels, state.policy_version, state.reward_version, state.paused) == (1, 1, 1, True)


def test_two_at_once_wait_for_each_other(empty_database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate, [empty_database_url] * 2))
    assert len(inside(empty_database_url, "SELECT version_num FROM alembic_version")) == 1


def test_a_database_of_a_newer_version_is_left_alone(empty_database_url: str) -> None:
    inside(
        empty_database_url, "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES (9999)"
    )
    with pytest.raises(LoopError, match=r"made by another version of prefloop \(.*9999"):
        migrate(empty_database_url)
    assert inside(empty_database_url, "SELECT version_num FROM alembic_version") == [("9999",)]
    with closing(Database(empty_database_url)) as db, pytest.raises(OtherVersionError, match="made by another version"):
        check(db)


def test_no_server_is_said() -> None:
    url = f"postgresql+psycopg://user:secret@127.0.0.1:{free_port()}/name"
    with pytest.raises(LoopError, match=r"cannot be migrated: .*refused.*PREFLOOP_DATABASE_URL") as raised:
        migrate(url)
    assert "secret" not in str(raised.value)


def test_no_address_is_said() -> None:
    with pytest.raises(LoopError, match="PREFLOOP_DATABASE_URL"):
        migrate("")
