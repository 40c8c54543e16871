"""One process against the services: the same plan, so the same labels and the same policy."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from services.cli.experiment.grid import Grid, Run, runs
from services.cli.experiment.loop import Loop
from services.cli.experiment.run import perform
from services.cli.folder import RunFolder
from services.cli.running import start_servers
from services.cli.supervisor import Supervisor
from shared.domain import LabeledQuery, LoopError
from shared.language.policy import save_policy
from shared.settings import (
    LabelSettings,
    ModelSettings,
    PPOSettings,
    RewardSettings,
    SamplerSettings,
    Settings,
    TaskSettings,
)
from shared.store import queries
from shared.store.database import Database
from shared.training.machine import prepare
from tests.models import tiny_model

PREFLOOP = Path(sys.executable).with_name("prefloop")
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("PREFLOOP_")}
SMALL = {
    "labels.budget": 64,
    "labels.initial": 32,
    "labels.evaluation_share": 0.2,
    "ppo.episodes": 64,
    "ppo.segment_batches": 2,
    "ppo.epochs": 1,
}
TINY = Settings(
    model=ModelSettings(ref_policy=str(tiny_model())),
    labels=LabelSettings(budget=40, initial=10, retrainings=3),
    task=TaskSettings(truncate_token="\x03"),  # what the tiny model says most
    sampler=SamplerSettings(backlog=8, batch=8, rounds=60),
    reward=RewardSettings(normalize_samples=64),
    ppo=PPOSettings(batch=8, segment_batches=2, episodes=64),
)
GRID = Grid(counts=(24, 40), seeds=(1,), queries=16, responses=2)


def tiny_run(name: str) -> Run:
    return next(run for run in runs(GRID, TINY) if run.name == name)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A loop of the services that has come to its end."""
    place = tmp_path_factory.mktemp("services")
    options = [f"--set={key}={value}" for key, value in SMALL.items()]
    command: list[str | Path] = [
        PREFLOOP,
        "demo",
        "--dir",
        "demo",
        "--preset=quick",
        "--schedule=batched",
        "--labelers=1",
        "--queries=8",
    ]
    found = subprocess.run(
        [*command, "--labeling-port=0", "--dashboard-port=0", *options],
        cwd=place,
        env=QUIET,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return RunFolder.existing(place / "demo")


@pytest.fixture
def stored_labels(demo: RunFolder) -> Iterator[list[LabeledQuery]]:
    with demo.held(), Supervisor(print) as supervisor:
        settings = start_servers(demo, Settings(), supervisor, demo.secrets(labelers=1))
        db = Database(settings.database_url.get_secret_value())
        yield queries.labeled(db, upto=queries.watermark(db))
        db.close()


def test_labels_and_policy_are_those_of_the_services_to_the_bit(
    demo: RunFolder, stored_labels: list[LabeledQuery], tmp_path: Path
) -> None:
    settings = Settings.model_validate(demo.stored_settings())
    loop = Loop(settings, prepare(settings.model))
    loop.run()

    assert len(loop.memory.labels) == 64
    said = sorted(loop.memory.labels, key=lambda label: label.position)
    assert [_content(label) for label in said] == [_content(label) for label in stored_labels]
    assert {label.policy_version for label in said} == {0, 1}

    newest = max(json.loads((demo.path / "report.json").read_text())["policies"], key=lambda policy: policy["version"])
    assert newest["version"] == loop.memory.policy_version == 2
    save_policy(loop.models.policy, tmp_path)
    [stored] = (demo.checkpoints / "policy").glob("*2*")
    for name in ("model.safetensors", "value_head.safetensors"):
        ours, theirs = load_file(tmp_path / name), load_file(stored / name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def _content(label: LabeledQuery) -> tuple[object, ...]:
    """All but its number, which tells when it was given."""
    return label.position, label.tokens, label.responses, label.best, label.policy_version


def test_offline_takes_all_labels_from_ref_policy_and_trains_once() -> None:
    found = perform(tiny_run("offline-24-seed1"), GRID)
    assert [training.labels for training in found.trainings] == [24]
    assert [point.episodes for point in found.curve] == [0, 16, 32, 48, 64]
    assert [point.labels for point in found.curve] == [0, 24, 24, 24, 24]
    assert found.curve[0].kl == pytest.approx(0, abs=1e-4)
    assert found.curve[-1].kl != found.curve[1].kl


def test_online_takes_turns_and_comes_to_the_same_end_again() -> None:
    shares: list[float] = []
    found = perform(tiny_run("online-40-seed1"), GRID, shares.append)
    labels = [point.labels for point in found.curve]
    assert labels == sorted(labels)
    assert labels[0] == 0
    assert 10 <= labels[1] < labels[-1] <= 40  # asked for as π moves
    assert len(found.trainings) == 3
    assert found.trainings[-1].labels == 40
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1, abs=0.05)
    assert perform(tiny_run("online-40-seed1"), GRID).curve == found.curve


def test_a_loop_that_cannot_go_on_says_why() -> None:
    never = TINY.model_copy(update={"task": TaskSettings(truncate_token="\x03", truncate_after=23)})
    stuck = never.model_copy(update={"sampler": SamplerSettings(backlog=8, batch=64, rounds=1)})
    loop = Loop(stuck, prepare(stuck.model))
    with pytest.raises(LoopError, match=r"the loop is blocked: none of \d+ queries"):
        loop.run()
