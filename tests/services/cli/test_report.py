"""The report from made-up data: the figures by hand, the page as a browser would get it."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from services.cli import report
from services.cli.report import Example, Record
from shared.domain import PolicyVersion, RewardStatus, RewardVersion
from shared.settings import Settings
from shared.store.evaluations import HumanWinRate
from shared.store.loop import Batch

START = datetime(2026, 1, 1, tzinfo=UTC)
EVIL = "<script>alert('x')</script> & co"


def policy(version: int) -> PolicyVersion:
    return PolicyVersion(
        version, version - 1 if version else None, version or None, f"policy-{version}", f"{version:064x}",
        64 * version, 1.5 * version, 0.15, None, START,
    )  # fmt: skip


def reward(version: int, accuracy: float | None, status: RewardStatus = RewardStatus.PUBLISHED) -> RewardVersion:
    return RewardVersion(
        version, status, "", f"reward-{version}", "f" * 64, 80 * version, 20 * version, 100 * version, 0, accuracy,
        20 * version, 1.0, 0.0, START,
    )  # fmt: skip


def batch(number: int) -> Batch:
    stats = {"kl": 0.1 * number, "score": 0.2 * number}
    return Batch(policy_version=1 + number // 5, batch=number, episodes=64 * number, stats=stats)


EXAMPLES = [
    Example("a query", "ρ says", EVIL, ref_reward=0.0, reward=0.5, kl=4.0),
    Example("another", "ρ says", "π says", ref_reward=0.25, reward=0.25, kl=6.0),
    *[Example(f"query {i}", "ρ says", "π says", ref_reward=0.5, reward=-0.5, kl=5.0) for i in range(12)],
]
RECORD = Record(
    labels=200,
    policies=[policy(0), policy(1), policy(2)],
    rewards=[reward(1, 0.3), reward(2, None, RewardStatus.REJECTED), reward(3, 0.45)],
    batches=[batch(n) for n in range(10)],
    human_win_rates=[HumanWinRate(1, labels=8, wins=4, chance=0.5), HumanWinRate(2, labels=16, wins=11, chance=0.5)],
    labels_over_time=[(START + timedelta(seconds=n), 10 * n) for n in range(20)],
)


def figures(record: Record = RECORD, examples: list[Example] = EXAMPLES) -> dict[str, Any]:
    return report.figures(
        record,
        examples,
        Settings(),
        seconds=61.5,
        phases={"starting": 1.5, "collecting labels": 60.0},
        peak_memory={"ppo": 700 * 10**6},
        labelers=2,
        noise=0.0,
    )


def test_figures_by_hand() -> None:
    found = figures()
    assert found["labels"] == 200
    assert (found["reward_versions"], found["policy_versions"]) == (2, 2)
    assert found["win_rate"] == pytest.approx(1.5 / 14)
    low, high = found["win_rate_interval"]
    assert low < 1.5 / 14 < high
    assert [(human["policy_version"], human["rate"]) for human in found["human_win_rates"]] == [(1, 0.5), (2, 0.6875)]
    low, high = found["human_win_rates"][-1]["interval"]
    assert low == pytest.approx(0.444, abs=1e-3)  # Wilson 1927, worked out for 11 of 16
    assert high == pytest.approx(0.858, abs=1e-3)
    assert found["kl"] == pytest.approx(5.0)
    assert found["reward_accuracy"] == 0.45
    assert found["known_reward"]["policy"]["mean"] == pytest.approx((0.75 - 6.0) / 14)
    assert found["known_reward"]["ref_policy"]["mean"] == pytest.approx((0.25 + 6.0) / 14)
    assert [point["labels"] for point in found["accuracy_by_labels"]] == [100, 200, 300]
    assert found["policy_sha256"] == f"{2:064x}"
    assert len(found["examples"]) == 10


def test_both_files_hold_the_same_figures(tmp_path: Path) -> None:
    page = report.write(tmp_path, figures(), RECORD)
    data = json.loads((tmp_path / "report.json").read_text())
    assert {"labels", "reward_versions", "policy_versions", "win_rate", "win_rate_interval"} <= data.keys()
    assert {"kl", "reward_accuracy", "seconds"} <= data.keys()
    text = page.read_text()
    assert "10.7 %" in text  # the win rate
    assert "68.8 %" in text  # the newest human win rate
    assert "44.4 % to 85.8 %, 16 labels on policy 2; chance 50.0 %" in text
    assert "5.00" in text  # the KL
    assert "1:01" in text  # the wall time
    assert "700" in text  # megabytes


def test_the_page_stands_alone_and_escapes_what_models_say(tmp_path: Path) -> None:
    text = report.write(tmp_path, figures(), RECORD).read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; co" in text
    assert not re.findall(r"""(?:src|href)=["'](?!#)[^"']*""", re.sub(r'xlink:href="#[^"]*"', "", text))
    plots = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(plots) == 4
    for plot in plots:
        ElementTree.fromstring(plot)


def test_a_loop_without_figures_has_a_page_all_the_same(tmp_path: Path) -> None:
    record = Record(labels=0, policies=[policy(0)], rewards=[], batches=[], human_win_rates=[], labels_over_time=[])
    empty = figures(record, [])
    assert (empty["win_rate"], empty["kl"], empty["reward_accuracy"]) == (None, None, None)
    assert "<svg" not in report.write(tmp_path, empty, record).read_text()
