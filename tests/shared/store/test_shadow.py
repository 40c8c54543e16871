"""What a new r scores in the live one's shadow: the newest of the sampler's queries, whoever looks and whenever."""

from shared.domain import AnsweredQuery
from shared.store import shadow
from shared.store.database import Database
from tests.shared.store.rows import add_person, add_policy, add_queries, label, sql


def test_the_newest_queries_by_position_labeled_or_not(db: Database) -> None:
    add_policy(db)
    add_queries(db, range(4, 8))  # two samplers: what comes in later is not newer
    add_queries(db, range(4))
    sql(db, "UPDATE queries SET position = -1, policy_version = NULL WHERE position = 2")  # an imported one
    ids = {position: query_id for query_id, position in sql(db, "SELECT id, position FROM queries")}
    found = shadow.recent(db, 5)
    assert [query.id for query in found] == [ids[position] for position in (3, 4, 5, 6, 7)]
    label(db, add_person(db))
    assert shadow.recent(db, 5) == found
    assert [query.id for query in shadow.recent(db, 99)] == [ids[position] for position in (0, 1, 3, 4, 5, 6, 7)]
    assert shadow.recent(db, 0) == []


def test_responses_come_in_their_order(db: Database) -> None:
    add_policy(db)
    add_queries(db, range(1))
    [(query_id, tokens)] = sql(db, "SELECT id, tokens FROM queries")
    for index in range(4):
        sql(db, "UPDATE responses SET tokens = :tokens WHERE index = :index", tokens=[9 - index], index=index)
    assert shadow.recent(db, 1) == [AnsweredQuery(query_id, tuple(tokens), ((9,), (8,), (7,), (6,)))]
