import pytest

from services.cli.experiment.grid import Grid, load_preset, runs
from shared.domain import LoopError, Schedule
from shared.plan import thresholds
from shared.settings import Settings

GRID = Grid(counts=(80, 800), seeds=(1, 2), queries=8, responses=1)


def test_the_known_reward_and_each_count_off_and_online_for_each_seed() -> None:
    found = runs(GRID, Settings())
    assert len({run.name for run in found}) == len(found) == 2 * (1 + 2 * 2)
    assert all(run.settings.seed == run.seed for run in found)
    assert [run.cost for run in found] == sorted((run.cost for run in found), reverse=True)


def test_schedules_take_their_labels_as_the_paper_does() -> None:
    by_name = {run.name: run.settings for run in runs(GRID, Settings())}
    offline, online = by_name["offline-800-seed1"], by_name["online-800-seed1"]
    assert (offline.schedule, thresholds(offline)) == (Schedule.OFFLINE, (800,))
    assert (online.schedule, thresholds(online)) == (Schedule.ONLINE, (200, 320, 440, 560, 680, 800))
    assert online.sampler.backlog == 50
    assert by_name["online-80-seed1"].sampler.backlog == 8


@pytest.mark.parametrize("name", ["demo", "quick", "gpu"])
def test_presets_hold_together(name: str) -> None:
    grid, defaults = load_preset(name)
    assert len(runs(grid, Settings.model_validate(defaults))) == len(grid.seeds) * (1 + 2 * len(grid.counts))


@pytest.mark.parametrize("bad", [{"counts": ()}, {"counts": (80, 80)}, {"counts": (7,)}, {"seeds": (-1,)}])
def test_a_grid_that_cannot_be_is_refused(bad: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(LoopError, match=f"--{next(iter(bad))}"):
        runs(GRID.model_copy(update=bad), Settings())


def test_only_what_decides_the_outcome_counts_as_another_run() -> None:
    def decisive(settings: Settings) -> object:
        return runs(GRID, settings)[0].decisive()

    same = Settings(name="other", log_level="debug")
    assert decisive(same) == decisive(Settings())
    other = Settings(ppo=Settings().ppo.model_copy(update={"lr": 1e-3}))
    assert decisive(other) != decisive(Settings())
