from pathlib import Path

import pytest

from services.cli.configure import Options, settings_for
from services.cli.folder import RunFolder
from shared.domain import LoopError, Schedule
from shared.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.open(tmp_path / "mine", kind="up")


def test_a_new_run_is_named_after_its_folder_and_keeps_its_checkpoints_there(folder: RunFolder) -> None:
    settings = settings_for(folder, Options())
    assert settings.name == "mine"
    assert settings.checkpoints == folder.path / "checkpoints"


def test_later_sources_win(folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[ppo]\nlr = 2.0\nlam = 0.5\ngamma = 0.5\n")
    monkeypatch.setenv("PREFLOOP_PPO__LAM", "0.6")
    monkeypatch.setenv("PREFLOOP_PPO__GAMMA", "0.6")
    options = Options(config=file, preset="quick", set=("ppo.gamma=0.7",))
    ppo = settings_for(folder, options).ppo
    assert (ppo.batch, ppo.lr, ppo.lam, ppo.gamma) == (16, 2.0, 0.6, 0.7)
    assert ppo.vf_coef == Settings().ppo.vf_coef


def test_options_have_the_names_of_settings(folder: RunFolder) -> None:
    options = Options(model="some/name", schedule="batched", seed=7, labeling_port=1, dashboard_port=2)
    settings = settings_for(folder, options)
    assert settings.model.ref_policy == "some/name"
    assert (settings.schedule, settings.seed) == (Schedule.BATCHED, 7)
    assert (settings.web.labeling_port, settings.web.dashboard_port) == (1, 2)


def test_going_on_keeps_the_settings_and_may_change_some(folder: RunFolder) -> None:
    folder.store_settings(settings_for(folder, Options(seed=7, set=("ppo.lr=0.5", "ppo.kl_target=none"))))
    settings = settings_for(RunFolder.existing(folder.path), Options(set=("ppo.lam=0.5",)))
    assert (settings.seed, settings.ppo.lr, settings.ppo.lam, settings.ppo.kl_target) == (7, 0.5, 0.5, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(set=("ppo.lrr=1",)), r"ppo\.lrr: no such setting"),
        (Options(set=("ppo.lr",)), "--set ppo.lr: expected KEY=VALUE"),
        (Options(set=("ppo.lr=fast",)), r"ppo\.lr: .*'fast'"),
        (Options(set=("task.name=poems",)), r"task\.name: .*'cnndm'"),
        (Options(model="./nowhere"), r"model\.ref_policy \./nowhere: no such folder"),
        (Options(set=("labels.guidelines=/nowhere.txt",)), r"labels\.guidelines /nowhere\.txt: no such file"),
        (Options(config=Path("/nowhere.toml")), "settings file /nowhere.toml"),
    ],
)
def test_bad_options_are_named(options: Options, message: str) -> None:
    with pytest.raises(LoopError, match=message):
        settings_for(None, options)


def test_a_folder_with_a_model_is_told_by_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = settings_for(None, Options(model="model", set=("task.queries=mine.jsonl",)))
    assert settings.model.ref_policy == str(tmp_path / "model")
    assert settings.task.queries == str(tmp_path / "mine.jsonl")
    named = settings_for(None, Options(set=("task.queries=datasets:owner/name",)))
    assert named.task.queries == "datasets:owner/name"
