"""The house rules, so that they hold without anyone's memory. Import rules stand in pyproject.toml (import-linter)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for room in ("services", "shared") for path in (ROOT / room).rglob("*.py"))
WEB = {  # and what each has no need of
    "services.labeling.main": ("torch", "transformers", "numpy"),
    "services.dashboard.main": ("torch", "transformers"),
    "services.orchestrator.main": ("torch", "transformers", "numpy"),
    "services.webhooks.main": ("torch", "transformers", "numpy"),
    "services.recorder.main": ("torch", "transformers", "wandb", "mlflow"),
}


def test_import_rules() -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("module", WEB)
def test_web_services_load_no_torch(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {WEB[module]} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_only_entry_points_build_settings() -> None:
    builders = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if "load_settings(" in path.read_text() and path.parent.name != "settings"
    ]
    assert builders
    strays = [b for b in builders if not (b.endswith("/main.py") or b.startswith("services/cli/"))]
    assert not strays


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_holds_one_idea(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300, "a file this long holds two ideas"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} is longer than a screen"


def test_the_readmes_tree_names_every_file() -> None:
    tree = (ROOT / "README.md").read_text().partition("## The tree")[2]
    named = [path for path in SOURCES if path.name != "__init__.py"]
    assert not [path.relative_to(ROOT).as_posix() for path in named if path.name not in tree]
