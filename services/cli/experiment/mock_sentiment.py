"""The paper's first experiment: a reward learnt from labels beside the known reward that the labels were given by.

Ziegler et al. 2019, section 3.1.1, figures 2 and 3.
"""

from pathlib import Path

from services.cli.experiment import report, result
from services.cli.experiment.grid import Grid, runs
from services.cli.experiment.pool import Say, perform_all
from services.cli.folder import RunFolder
from services.cli.known_reward import known_reward
from shared.domain import LoopError
from shared.settings import Settings


def mock_sentiment(folder: RunFolder, grid: Grid, settings: Settings, say: Say) -> Path:
    """Make the runs that are not there yet, then the report of all. Returns the report's page.

    LoopError where runs failed; the report then tells of the others.
    """
    known_reward("")  # a missing lexicon should be known before the first run
    wanted = runs(grid, settings)
    kept = folder.path / "runs"
    kept.mkdir(exist_ok=True)
    todo = [run for run in wanted if result.finished(run, grid, kept) is None]
    if len(todo) < len(wanted):
        say(f"{len(wanted) - len(todo)} of {len(wanted)} runs are there already")
    failed = perform_all(todo, grid, kept, say) if todo else {}
    results = [found for run in wanted if (found := result.finished(run, grid, kept)) is not None]
    page = report.write(folder.path, report.figures(results, failed, grid, settings), results)
    if failed:
        reasons = "\n".join(f"  {run.condition}, seed {run.seed}: {why}" for run, why in failed.items())
        raise LoopError(f"{len(failed)} of {len(wanted)} runs failed, {page} tells of the others:\n{reasons}")
    return page
