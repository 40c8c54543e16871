"""`python -m tests.chaos`: a small loop runs undisturbed, then again under kill -9; both must come to the same.

PostgreSQL, Valkey, every service, the labeler and `prefloop` itself are killed at moments drawn from a seed. Exits with
1 where labels, a policy or a reward differ, where anything killed is not back within two minutes, or a store is torn.
"""

import secrets
import shutil
import sys
from pathlib import Path

import click

from services.cli.folder import MARKER
from shared.domain import LoopError
from tests.chaos.kills import draw
from tests.chaos.loop import VICTIMS, SmallLoop
from tests.chaos.outcome import Outcome, differences
from tests.chaos.run import Run
from tests.chaos.table import longest, table

LOOP_SEED = 1  # of the loop itself, the same always: --seed draws the kills


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@click.option("--seed", type=int, help="Of victims and moments. Default: any, printed.")
@click.option("--every", type=float, default=2.0, show_default=True, help="Seconds at most from recovery to next kill.")
@click.option("--stages", type=click.IntRange(min=3), default=10, show_default=True, help="Size: versions of r and π.")
@click.option("--dir", "path", type=click.Path(path_type=Path), default=Path("runs/chaos"), show_default=True)
def main(kills: int, seed: int | None, every: float, stages: int, path: Path) -> None:
    """Run a small loop twice, the second time under kill -9 of random processes, and compare."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    click.echo(f"seed {seed}; logs and stores in {path}")
    undisturbed, _ = _run(path / "undisturbed", stages, kills=None)
    disturbed, run = _run(path / "disturbed", stages, kills=(kills, seed, every))
    click.echo(table(run.recoveries))
    if found := differences(undisturbed, disturbed):
        raise LoopError("the disturbed run came to something else:\n" + "\n".join(found))
    click.echo(
        f"EQUAL: {len(disturbed.labels)} labels, {len(disturbed.rewards)} rewards and {len(disturbed.policies)} "
        f"policies, the last {disturbed.policies[-1].sha256}\n"
        f"{len(run.recoveries)} kills, {len(run.recoveries)} recoveries, the longest {longest(run.recoveries):.1f} s; "
        f"seed {seed}"
    )


def _run(path: Path, stages: int, *, kills: tuple[int, int, float] | None) -> tuple[Outcome, Run]:
    _clear(path)
    count, seed, every = kills or (0, 0, 0.0)
    with SmallLoop(path, stages=stages, seed=LOOP_SEED, say=click.echo) as loop:
        run = Run(loop, click.echo, None if kills is None else draw(seed, VICTIMS, every=every), count)
        try:
            found, faults = run.to_the_end()
        except LoopError:
            click.echo(table(run.recoveries))
            raise
        click.echo(f"{path.name}: finished after {run.seconds:.0f} s")
    if faults:
        raise LoopError(f"the {path.name} store is torn:\n" + "\n".join(faults))
    return found, run


def _clear(path: Path) -> None:
    """Delete what the last time left here."""
    if (path / MARKER).is_file():
        shutil.rmtree(path)
    path.with_name(f"{path.name}.log").unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        main()
    except LoopError as error:
        sys.exit(f"chaos: {error}")
