"""Migrations build what tables.py describes, from zero and once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from services.cli.servers import free_port
from shared.domain import LoopError
from shared.store.migrate import MIGRATIONS, migrate
from shared.store.tables import Base


def inside(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        found = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return found


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
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    inside(
        empty_database_url,
        "INSERT INTO policies (version, path, sha256, episodes, kl_coef) VALUES (0, '', '', 0, 1), (4, '', '', 0, 1); "
        "INSERT INTO queries (position, policy_version, text, tokens) VALUES (0, 0, '', '{}'), (1, 4, '', '{}'); "
        "INSERT INTO responses SELECT id, index, '', '{}' FROM queries, generate_series(0, 1) AS index",
    )
    migrate(empty_database_url)
    written = "SELECT position, responses.policy_version FROM responses JOIN queries ON id = query_id ORDER BY position"
    assert inside(empty_database_url, written) == [(0, 0), (0, 0), (1, 4), (1, 4)]


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


def test_no_server_is_said() -> None:
    url = f"postgresql+psycopg://user:secret@127.0.0.1:{free_port()}/name"
    with pytest.raises(LoopError, match=r"cannot be migrated: .*refused.*PREFLOOP_DATABASE_URL") as raised:
        migrate(url)
    assert "secret" not in str(raised.value)


def test_no_address_is_said() -> None:
    with pytest.raises(LoopError, match="PREFLOOP_DATABASE_URL"):
        migrate("")
