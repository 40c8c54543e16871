"""`up`, `demo`, `simulate`, `status`, `evaluate`: the loop itself."""

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.commands.options import (
    FOLDER,
    folder_option,
    interruptible,
    json_option,
    loop_options,
    say,
    store_option,
)
from shared.domain import LoopError

if TYPE_CHECKING:
    from services.cli.configure import Options


@click.command()
@folder_option("runs/loop")
@loop_options
def up(path: Path, options: "Options") -> None:
    """Run the loop for people, until Ctrl-C. Started again it goes on where it stopped."""
    from services.cli.configure import settings_for
    from services.cli.demo import follow
    from services.cli.folder import RunFolder
    from services.cli.running import run_loop

    folder = RunFolder.open(path, kind="up")
    with (
        folder.held(),
        interruptible() as interrupted,
        run_loop(folder, settings_for(folder, options), say) as running,
    ):
        follow(running, say, to_the_end=False)
    if interrupted.happened:
        say("ended; `prefloop up` goes on from here")


@click.command()
@folder_option("runs/demo")
@click.option("--resume", is_flag=True, help="Go on with the demo in the folder instead of starting afresh.")
@click.option("--labelers", type=click.IntRange(min=1), default=2, show_default=True, help="Simulated labelers.")
@click.option("--noise", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of random choices.")
@click.option("--queries", type=click.IntRange(min=1), default=512, show_default=True, help="Queries to compare on.")
@loop_options
def demo(path: Path, resume: bool, labelers: int, noise: float, queries: int, options: "Options") -> None:
    """Run the whole loop with simulated labelers to its label budget, and report how far π moved from ρ."""
    from services.cli.configure import settings_for
    from services.cli.demo import demo as run_demo
    from services.cli.folder import RunFolder

    folder = RunFolder.open(path, kind="demo")
    with folder.held(), interruptible() as interrupted:
        if not resume:
            folder.clear()
        page = run_demo(folder, settings_for(folder, options), say, labelers=labelers, noise=noise, queries=queries)
        say(f"report: {page}")
    if interrupted.happened:
        say(f"ended before its end; `prefloop demo --dir {path} --resume` goes on from here")
        sys.exit(130)


@click.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="The labeling service.")
@click.option("--key", "keys", multiple=True, help="A labeler's API key, one a labeler.")
@click.option("--keys", "listed", envvar="SIMULATE_KEYS", show_envvar=True, help="The same, with commas between them.")
@click.option("--labelers", type=click.IntRange(min=1), help="Use the first so many of the keys only.")
@click.option("--noise", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of random choices.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the random choices.")
@click.option("--labels", type=click.IntRange(min=1), help="Stop after so many labels. Default: label until Ctrl-C.")
def simulate(
    url: str,
    keys: tuple[str, ...],
    listed: str | None,
    labelers: int | None,
    noise: float,
    seed: int,
    labels: int | None,
) -> None:
    """Label over the REST API as people do, preferring the response that VADER finds the most positive."""
    from services.cli import simulate as simulated
    from shared.telemetry import configure

    configure("simulate", "info")
    known = [*keys, *(key for key in (listed or "").split(",") if key and not keys)]
    if labelers is not None and labelers > len(known):
        raise LoopError(f"--labelers {labelers}, but {len(known)} keys: each labeler needs a key of their own")
    with interruptible():
        given = simulated.simulate(url, known[:labelers], noise=noise, seed=seed, labels=labels)
        say(f"{given} labels given")


@click.command()
@store_option
@json_option
def status(path: Path | None, as_data: bool) -> None:
    """What the loop has come to: labels, versions, KL, what is stopped or changed. Works whether it runs or not."""
    import json

    from services.cli import status as state
    from services.cli.opened import opened, started_with

    with opened(path) as (db, _):
        settings = started_with(db)
        now, running = state.read(db, settings), state.is_running(db)
        alarms = state.alarms(db, settings) if running else []
    if as_data:
        data = {**state.as_json(now, running=running), "alarms": [asdict(alarm) for alarm in alarms]}
        say(json.dumps(data, default=datetime.isoformat))
        return
    say(f"{settings.name}: {'running' if running else 'not running'}\n{state.line(now, settings)}")
    for alarm in alarms:
        say(f"{alarm.severity}: {alarm.what} {alarm.todo}")


@click.command()
@click.option("--dir", "path", type=FOLDER, help="Folder that holds the run. Default: the one last started in runs/.")
@click.option("--version", type=click.IntRange(min=0), help="The policy to evaluate. Default: the newest.")
@click.option("--queries", type=click.IntRange(min=1), default=512, show_default=True, help="Queries to compare on.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to. Default: as the run.")
@json_option
def evaluate(path: Path | None, version: int | None, queries: int, device: str | None, as_data: bool) -> None:
    """Compare a policy with ρ on held-out queries: known reward or ROUGE and novelty, and KL. Running or not."""
    import json

    from services.cli import evaluate as evaluation
    from services.cli.configure import Options, settings_for
    from services.cli.folder import RunFolder

    folder = RunFolder.existing(path) if path else RunFolder.newest(Path("runs"))
    settings = settings_for(folder, Options(set=(f"model.device={device}",) if device else ()))
    figures = evaluation.evaluate(folder, settings, version=version, queries=queries)
    say(json.dumps(figures, allow_nan=False) if as_data else evaluation.table(figures))
