"""What docker-compose.yml says, as far as it can be checked without Docker."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from services.cli import env
from services.cli.main import cli
from shared.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = importlib.import_module("yaml").safe_load(TEXT)["services"]  # yaml has no types
ours = pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])


def settings(name: str) -> dict[str, str]:
    """The PREFLOOP_* variables of a service, as they are where nobody sets any but the secrets."""
    environment = SERVICES[name].get("environment", {})
    return {
        key: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text)
        for key, text in environment.items()
        if key.startswith("PREFLOOP_")
    }


def test_the_environment_names_settings_and_has_their_defaults() -> None:
    got = load_settings(environ={**settings("ppo"), **settings("migrate"), **settings("dashboard")})
    own = ("name", "database_url", "redis_url", "operator_key", "checkpoints", "web")
    assert got == Settings().model_copy(update={field: getattr(got, field) for field in own})


@ours
def test_commands_exist(name: str) -> None:
    program, *arguments = SERVICES[name]["command"]
    if program == "prefloop":
        cli.commands[arguments[0]].make_context(arguments[0], arguments[1:])
    else:
        assert [program, arguments[0]] == ["python", "-m"]
        assert (ROOT / arguments[1].replace(".", "/")).with_suffix(".py").is_file()


@ours
def test_containers_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_the_settings_ones_and_for_this_machine_alone() -> None:
    web = Settings().web
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published == [f"127.0.0.1:{port}:{port}" for port in (web.labeling_port, web.dashboard_port)]


def test_secrets_are_asked_for_and_never_written_here() -> None:
    written = set(re.findall(r"^(\w+)=", env.text(), flags=re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):\?", TEXT)) == written
    assert "--requirepass ${" in " ".join(SERVICES["redis"]["command"])
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|AUTH", name):
                assert value.startswith("${")
            assert re.search(r"://\w*:(?!\$\{)", value) is None
