"""Grafana's dashboard and Prometheus' rules ask for nothing that /metrics does not give."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from promql_parser import Expr, VectorSelector, parse, walk

import services.dashboard
from services.dashboard.metrics import LoopCollector, registry
from shared.measures import BATCH
from shared.queues import Queues
from shared.settings import Settings
from shared.store import loop, presence, stops
from shared.store.database import Database
from tests.services.dashboard.rows import fill

FOLDER = Path(services.dashboard.__file__).parent / "monitoring"
PROMETHEUS = {"up"}  # what Prometheus itself adds


def load(name: str) -> Any:
    text = (FOLDER / name).read_text()
    return json.loads(text) if name.endswith(".json") else importlib.import_module("yaml").safe_load(text)


def rules() -> list[dict[str, Any]]:
    return [rule for group in load("alerts.yml")["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    grafana = load("grafana.json")
    panels = [target["expr"] for panel in grafana["panels"] for target in panel.get("targets", ())]
    notes = [note["expr"] for note in grafana["annotations"]["list"]]
    return [rule["expr"] for rule in rules()] + [
        expr.replace("$__rate_interval", "1m").replace("$job", "prefloop") for expr in panels + notes
    ]


def selectors(expression: str) -> list[VectorSelector]:
    found: list[VectorSelector] = []

    def visit(expr: Expr) -> None:
        if isinstance(expr, VectorSelector):
            found.append(expr)

    walk(parse(expression), pre_visit=visit)
    return found


@pytest.fixture
def exposed(db: Database, settings: Settings) -> dict[str, set[str]]:
    """The labels of every sample there is, by name, in a loop where everything happens."""
    loop.start(db, settings)
    fill(db)
    loop.record_batch(db, policy_version=3, batch=51, episodes=64 * 51, stats=dict.fromkeys(BATCH, 0.5))
    stops.stop(db, by="op", reason="look")
    presence.seen(db, "ppo", "here/1", {"memory_bytes": 5, "disk_free_bytes": 7})
    queues = Queues(settings.redis_url.get_secret_value())
    text = generate_latest(registry(LoopCollector(db, settings, queues.depths))).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_expression_asks_for_metrics_and_labels_that_there_are(exposed: dict[str, set[str]]) -> None:
    asked = [selector for expression in expressions() for selector in selectors(expression)]
    assert len(asked) > 60
    for selector in asked:
        if selector.name not in PROMETHEUS:
            assert selector.name in exposed
            labels = {matcher.name for matcher in selector.matchers.matchers} - {"job"}
            assert labels <= exposed[selector.name], selector.name


def test_every_metric_is_drawn_or_watched(exposed: dict[str, set[str]]) -> None:
    asked = {selector.name for expression in expressions() for selector in selectors(expression)}
    helpers = {"prefloop_val_ratio", "prefloop_reward_labels"}
    assert set(exposed) - asked - helpers == set()


def test_rules_say_what_is_wrong_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_what_texts_name_are_labels_of_their_expression(exposed: dict[str, set[str]]) -> None:
    for rule in rules():
        labels = set().union(*(exposed.get(str(one.name), set()) for one in selectors(rule["expr"])))
        said = " ".join(rule["annotations"].values())
        assert {word.split(" ")[0].rstrip("}") for word in said.split("$labels.")[1:]} <= labels


def test_prometheus_reads_the_rules_and_scrapes_with_a_key_from_a_file() -> None:
    config = load("prometheus.yml")
    assert config["rule_files"] == ["alerts.yml"]
    (scrape,) = config["scrape_configs"]
    assert scrape["metrics_path"] == "/metrics"
    assert scrape["authorization"] == {"type": "Bearer", "credentials_file": "prefloop.key"}
    assert scrape["static_configs"][0]["targets"] == [f"127.0.0.1:{Settings().web.dashboard_port}"]


def test_grafanas_panels_lie_beside_each_other() -> None:
    panels = load("grafana.json")["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
