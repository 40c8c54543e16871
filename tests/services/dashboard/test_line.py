"""The line is stopped and goes on, over HTTP."""

from shared.store import stops
from shared.store.database import Database
from tests.services.dashboard.conftest import Dashboard


def test_the_line_is_stopped_and_goes_on(dashboard: Dashboard, db: Database) -> None:
    with dashboard.as_operator() as operator:
        assert operator.post("/api/stop", json={}).status_code == 422
        stop = operator.post("/api/stop", json={"reason": "KL is up"}).json()
        assert (stop["by"], stop["reason"]) == ("operator", "KL is up")
        state = operator.get("/api/state").json()
        assert state["stopped"] == stop
        assert state["phase"]["kind"] == "paused"
        assert "operator stopped the line (KL is up)" in state["phase"]["waits_for"]
        assert operator.post("/api/resume").json() == stop
        assert operator.post("/api/resume").json() is None
        assert operator.get("/api/state").json()["stopped"] is None
    assert stops.standing(db) is None
