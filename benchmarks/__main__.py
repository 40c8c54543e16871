"""Times every row, prints the table and writes `benchmarks/results.json`."""

import os
import sys
from pathlib import Path

import click

from benchmarks.interleave import interleave
from benchmarks.rate import matmul_rate
from benchmarks.report import Result, save, table
from benchmarks.rows import DTYPES, ROWS, Row, size_of
from shared.domain import LoopError
from shared.settings import ModelSettings
from shared.training.machine import prepare

RESULTS = Path(__file__).with_name("results.json")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", type=click.Choice(list(ROWS)), multiple=True, help="this row; may be given several times")
@click.option("--quick", is_flag=True, help="one round after the dropped one")
@click.option("--ours", is_flag=True, help="leave the baselines out")
@click.option("--threads", default=2, show_default=True, help="of either side; only one of them computes at a time")
@click.option("--out", type=click.Path(path_type=Path), help="where to write the figures; a whole run: results.json")
def main(only: tuple[str, ...], quick: bool, ours: bool, threads: int, out: Path | None) -> None:
    """prefloop beside TRL and transformers: steps of both in turn, with the same threads."""
    prepare(ModelSettings(device="cpu", threads=threads))
    try:
        results = [_run(name, ROWS[name], quick=quick, ours=ours) for name in only or ROWS]
    except LoopError as error:
        sys.exit(f"error: {error}")
    click.echo("\n" + table(results))
    if out is None and not (only or quick or ours):
        out = RESULTS
    if out is not None:
        save(results, out, threads=threads)


def _run(name: str, row: Row, *, quick: bool, ours: bool) -> Result:
    size = size_of(row.shape)
    load = os.getloadavg()[0]
    _say(f"{name}: {size.total:,} parameters, {size.trunk:,} of them in the trunk; load {load:.1f}")
    before = _rates()
    with row.open(row.shape) as variants:
        timed = interleave(
            [variant for variant in variants if not (ours and variant.baseline)],
            rounds=1 if quick else row.rounds,
            say=_say,
        )
    rates = {dtype: max(before[dtype], after) for dtype, after in _rates().items()}
    return Result(name, row, size, load, rates, timed)


def _rates() -> dict[str, float]:
    return {dtype: matmul_rate(dtype) for dtype in DTYPES}


def _say(line: str) -> None:
    click.echo(line, err=True)


main()
