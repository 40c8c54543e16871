"""The table and the file."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.flops import Size
from benchmarks.interleave import Timed
from benchmarks.rate import SIDE
from benchmarks.rows import Row
from benchmarks.theirs import CONSTRAINTS


@dataclass(frozen=True, slots=True)
class Result:
    """One row as it was timed. `load` is the machine's just before; `rates`: FLOP a second of a matmul by dtype."""

    name: str
    row: Row
    size: Size
    load: float
    rates: dict[str, float]
    timed: list[Timed]

    def of_bound(self, timed: Timed) -> float:
        """The seconds that the least work takes at the matmul's rate, over the seconds measured."""
        return timed.variant.flops / self.rates[timed.variant.dtype] / timed.median

    @property
    def baselines(self) -> list[Timed]:
        return [timed for timed in self.timed if timed.variant.baseline]


def table(results: Sequence[Result]) -> str:
    """Medians with their range, what is done a second, how many times faster than each baseline, share of the bound."""
    return "\n\n".join(map(_section, results))


def save(results: Sequence[Result], path: Path, *, threads: int) -> None:
    """All figures, every step's seconds among them, as JSON."""
    data = {"machine": _machine(threads), "rows": [_as_dict(result) for result in results]}
    path.write_text(json.dumps(data, indent=1) + "\n")


def _section(result: Result) -> str:
    rates = ", ".join(f"{rate / 1e9:.0f} in {dtype}" for dtype, rate in result.rates.items())
    head = f"{result.name}: {result.size.total / 1e6:.1f}M parameters; matmul of {SIDE} x {SIDE}, GFLOP/s: {rates}"
    against = [f"x {baseline.variant.label}" for baseline in result.baselines]
    rows = [["", "s", "from - to", f"{result.row.unit}/s", *against, "of bound"]]
    for timed in result.timed:
        ratios = [timed.times_faster(baseline) for baseline in result.baselines]
        rows.append(
            [
                timed.variant.label,
                f"{timed.median:.2f}",
                f"{min(timed.seconds):.2f} - {max(timed.seconds):.2f}",
                f"{result.row.per_step / timed.median:.1f}",
                *(f"{ratio:.2f} ({low:.2f} - {high:.2f})" for ratio, low, high in ratios),
                f"{result.of_bound(timed):.0%}",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([head, *lines])


def _as_dict(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "unit": result.row.unit,
        "units_per_step": result.row.per_step,
        "parameters": result.size.total,
        "trunk_parameters": result.size.trunk,
        "load_before": result.load,
        "matmul_flops_per_second": result.rates,
        "variants": [
            {
                "name": timed.variant.name,
                "dtype": timed.variant.dtype,
                "baseline": timed.variant.baseline,
                "seconds": timed.seconds,
                "median_seconds": timed.median,
                "units_per_second": result.row.per_step / timed.median,
                "flops": timed.variant.flops,
                "fraction_of_bound": result.of_bound(timed),
                "times_faster": {
                    baseline.variant.label: dict(zip(("median", "lowest", "highest"), ratios, strict=True))
                    for baseline in result.baselines
                    for ratios in [timed.times_faster(baseline)]
                },
            }
            for timed in result.timed
        ],
    }


def _machine(threads: int) -> dict[str, Any]:
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in ("torch", "transformers")},
        "baseline_versions": dict(pin.split("==") for pin in CONSTRAINTS.read_text().split()),
    }
