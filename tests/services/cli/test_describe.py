import tomllib
from pathlib import Path

from services.cli.configure import Options, preset_settings, settings_for
from services.cli.describe import describe, differences
from shared.settings import Settings


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    odd = ('name=a "quoted" \\ name', "ppo.lr=3e-7", "ppo.kl_target=none", "task.truncate_token=\n", "task.column=ä\t#")
    settings = settings_for(None, Options(set=odd))
    file = tmp_path / "printed.toml"
    file.write_text(describe(settings))
    assert tomllib.loads(file.read_text())["ppo"]["lr"] == 3e-7
    assert settings_for(None, Options(config=file)) == settings
    assert settings.ppo.kl_target is None


def test_everything_but_secrets_is_printed() -> None:
    printed = tomllib.loads(describe(Settings()))
    assert printed.keys() | {"database_url", "redis_url", "operator_key"} == Settings.model_fields.keys()
    assert printed["task"].keys() == Settings().without_secrets()["task"].keys()


def test_differences_are_those_settings_and_no_others(tmp_path: Path) -> None:
    """Laid over the preset, they make the settings again."""
    settings = settings_for(None, Options())
    paper = preset_settings("paper", "sentiment")
    text = differences(settings, paper, name="paper")
    told = {
        (section, key) for section, found in tomllib.loads(text).items() if isinstance(found, dict) for key in found
    }
    assert ("ppo", "lr") in told
    assert not told & {("ppo", "lam"), ("ppo", "cliprange"), ("task", "response_tokens"), ("ppo", "epochs")}
    assert "lr = 5e-05                              # paper: 1.41e-05" in text
    file = tmp_path / "differences.toml"
    file.write_text(text)
    assert settings_for(None, Options(preset="paper", config=file)) == settings


def test_nothing_differs_from_itself() -> None:
    paper = preset_settings("paper", "tldr")
    assert (
        differences(paper, paper, name="paper") == "# tldr: what differs from preset paper, whose values stand behind\n"
    )
