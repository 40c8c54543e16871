"""`experiment`: what the paper tried, at any scale."""

import sys
from pathlib import Path

import click

from services.cli.commands.options import FILE, folder_option, interruptible, say
from shared.domain import LoopError

PRESETS = ("demo", "quick", "gpu")
FIXED = {
    "seed": "--seeds",
    "schedule": "nothing: there are runs of each",
    "labels.budget": "--counts",
    "labels.order": "nothing: every query is answered at once",
}


@click.group()
def experiment() -> None:
    """Experiments of the paper, without services, database or queues."""


def numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise LoopError(f"{name} {text}: expected whole numbers with commas between, as in {name} 1,2,3") from None


@experiment.command("mock-sentiment")
@folder_option("runs/mock-sentiment")
@click.option("--preset", type=click.Choice(PRESETS), default="demo", show_default=True, help="What to start from.")
@click.option("--counts", help="Label counts, as in 150,600,2400.")
@click.option("--seeds", help="Seeds, as in 1,2,3.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes side by side. Default: the preset's, or cores.")
@click.option("--config", type=FILE, help="TOML file with settings.")
@click.option("--model", help="ρ: `embedded`, a folder, or a name that transformers opens.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Any setting, as in --set ppo.lr=1e-4.")
def mock_sentiment(
    path: Path,
    preset: str,
    counts: str | None,
    seeds: str | None,
    workers: int | None,
    config: Path | None,
    model: str | None,
    pairs: tuple[str, ...],
) -> None:
    """Train with the known reward and with rewards learnt from labels, offline and online; plot reward against KL.

    Given again, it goes on where it stopped: runs that are finished stay.
    """
    from services.cli.configure import Options, settings_for
    from services.cli.experiment import mock_sentiment as made
    from services.cli.experiment.grid import load_preset
    from services.cli.folder import RunFolder

    options = Options(config=config, model=model, set=pairs)
    for key in options.overrides():
        if key in FIXED:
            raise LoopError(f"--set {key}: the experiment sets it itself; use {FIXED[key]}")
    grid, defaults = load_preset(preset)
    given = {"counts": numbers("--counts", counts), "seeds": numbers("--seeds", seeds), "workers": workers}
    grid = grid.model_copy(update={name: value for name, value in given.items() if value is not None})
    folder = RunFolder.open(path, kind="experiment")
    with folder.held(), interruptible() as interrupted:
        page = made.mock_sentiment(folder, grid, settings_for(None, options, defaults=defaults), say)
        say(f"report: {page}")
    if interrupted.happened:
        say("ended before its end; the same command goes on from here")
        sys.exit(130)
