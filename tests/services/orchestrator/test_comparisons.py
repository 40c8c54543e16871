"""The orchestrator ends a comparison that people have decided."""

import pytest

from services.orchestrator.tick import tick
from shared.domain import Answer, ComparisonState, Response
from shared.queues import Queues
from shared.settings import LabelSettings, Settings
from shared.store import answers, comparisons, loop
from shared.store.comparisons import ComparedQuery
from shared.store.database import Database
from tests.shared.store.rows import add_person, add_policy, take


def test_a_decided_comparison_ends_at_the_next_look(
    db: Database, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, queues = Settings(labels=LabelSettings(comparison_share=1.0, gold_share=0.0)), Queues(redis_url)
    loop.start(db, settings)
    for version in (0, 1):
        add_policy(db, version)
    asked = [ComparedQuery("x", (1,), (Response("ours", (1,), 1), Response("theirs", (2,), 0))) for _ in range(9)]
    made = comparisons.create(db, asked, version=1, against=0, reference=None, alpha=0.05)
    ada = add_person(db)
    for wins in range(1, 9):
        lease = take(db, ada, settings.labels)
        answers.answer(db, ada, lease.id, Answer(position=lease.texts.index("ours")), seconds=1.0)
        with caplog.at_level("INFO"):
            tick(db, queues, settings)
        [found] = comparisons.listed(db)
        assert found.state is (ComparisonState.DECIDED if wins == 8 else ComparisonState.OPEN)
    queues.close()
    assert f"comparison {made} is decided: 8 to 0" in caplog.messages
