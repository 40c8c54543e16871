"""What is an alarm and what is not, from plain facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import Cause, Job, JobState, Service, Stop
from shared.health import Alarm, Facts, Remedy, Severity, diagnose, lines
from shared.settings import FreshnessSettings
from shared.store.freshness import Arrival, Clock, Freshness
from shared.store.presence import Process
from shared.store.symptoms import Refused, Symptoms, Trouble
from shared.store.webhooks import Endpoint

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOUNDS = FreshnessSettings()
STILL = Clock(None, [])


def process(service: str, number: int = 1, *, silent: float = 1.0, age: float = 600.0, free: int = 2**40) -> Process:
    return Process(
        service,
        f"host/{number}",
        NOW - timedelta(seconds=age),
        NOW - timedelta(seconds=silent),
        silent,
        {"disk_free_bytes": free},
    )


WELL = Facts(
    stops=(),
    symptoms=Symptoms(quiet_seconds=20.0),
    processes=tuple(
        process(service) for service in ("labeling", "orchestrator", "ppo", "reward_trainer", "sampler", "webhooks")
    ),
    freshness=Freshness(STILL, STILL, STILL),
    webhooks=(),
    blocked=None,
    redis_error=None,
    wants_labels=True,
)


def only(facts: Facts) -> Alarm:
    [alarm] = diagnose(facts, BOUNDS).alarms
    return alarm


def stop(service: Service | None = None, cause: Cause | None = None) -> Stop:
    return Stop(1, "prefloop" if cause else "ada", "odd texts.", NOW, service, cause)


def hook(failures: int, *, ended: bool = False) -> Endpoint:
    url = "https://hooks.example.org/secret"
    return Endpoint(3, url, "", () if ended else ("line.stopped",), {}, failures, "410 Gone", NOW, waiting=True)


def test_a_loop_that_turns_is_well() -> None:
    health = diagnose(WELL, BOUNDS)
    assert (health.well, health.alarms) == (True, [])
    assert lines(health)[0] == "well"


def test_stops_come_first_with_their_way_out() -> None:
    facts = replace(WELL, stops=(stop(cause=Cause.KL), stop(Service.SAMPLER)), redis_error="Redis does not answer")
    health = diagnose(facts, BOUNDS)
    assert [alarm.severity for alarm in health.alarms] == [Severity.STOP, Severity.STOP, Severity.ALARM]
    line, sampler, _ = health.alarms
    assert (line.what, line.action, line.since) == ("prefloop stopped the line: odd texts.", Remedy.ROLLBACK, NOW)
    assert "guards.kl" in line.todo
    assert (sampler.what, sampler.action, sampler.service) == (
        "ada stopped sampler: odd texts.", Remedy.RESUME, "sampler"
    )  # fmt: skip
    assert not health.well
    assert lines(health)[:3] == [
        "not well: 3 things are wrong",
        "  stop: prefloop stopped the line: odd texts.",
        f"    {line.todo}",
    ]


def test_every_cause_has_a_way_out() -> None:
    alarms = [only(replace(WELL, stops=(stop(cause=cause),))) for cause in Cause]
    assert all(alarm.todo.endswith(".") and alarm.action for alarm in alarms)
    assert len({alarm.todo for alarm in alarms}) == len(Cause)


def test_jobs_that_failed_and_jobs_that_are_tried_again() -> None:
    failed = Job("policy-3", 3, JobState.FAILED, "ppo", {}, "PPO diverged")
    trouble = Symptoms(failed=[Trouble(failed, NOW)])
    alarm = only(replace(WELL, symptoms=trouble, blocked="policy-3 failed at every attempt"))
    assert (alarm.what, alarm.action) == ("policy-3 failed at every attempt: PPO diverged", Remedy.RETRY)
    again = Symptoms(retried=[Trouble(replace(failed, state=JobState.QUEUED), NOW)])
    assert only(replace(WELL, symptoms=again)).severity is Severity.NOTICE
    assert diagnose(replace(WELL, symptoms=again), BOUNDS).well
    assert only(replace(WELL, blocked="none of 6 reward trainings gave a sound model")).todo.startswith("none of 6")


def test_services_that_are_missing_or_silent() -> None:
    assert only(replace(WELL, processes=WELL.processes[1:])).what == "labeling is not running."
    silent = process("sampler", 7, silent=45)
    alarm = only(replace(WELL, processes=(*WELL.processes, silent)))
    assert alarm.what == "sampler (host/7) gave no sign of life for 45 s."
    assert (alarm.service, alarm.since) == ("sampler", silent.seen_at)
    again = process("sampler", 8, age=40)  # it took its place
    assert diagnose(replace(WELL, processes=(*WELL.processes, silent, again)), BOUNDS).well


def test_a_disk_that_is_nearly_full_is_said_once_a_host() -> None:
    full = (process("ppo", 8, free=2**30), process("sampler", 9, free=2**30 + 2**20))
    alarm = only(replace(WELL, processes=(*WELL.processes, *full)))
    assert "1.0 GiB are left on host" in alarm.what
    assert alarm.action is Remedy.PRUNE
    left = replace(full[0], silent_seconds=31.0)
    assert all("disk" not in alarm.what for alarm in diagnose(replace(WELL, processes=(left,)), BOUNDS).alarms)


def test_nobody_labels_though_the_loop_waits() -> None:
    quiet = replace(WELL, symptoms=Symptoms(quiet_seconds=700.0))
    assert only(quiet).what == "The loop waits for labels, and nobody has given one for 12 min."
    for fine in (
        replace(quiet, wants_labels=False),
        replace(quiet, symptoms=Symptoms(quiet_seconds=500.0)),
        replace(quiet, symptoms=Symptoms()),
    ):
        assert diagnose(fine, BOUNDS).well
    assert only(replace(quiet, stops=(stop(Service.LABELING),))).severity is Severity.STOP


@pytest.mark.parametrize("refusals", [2, 3])
def test_three_rejected_reward_models_in_a_row(refusals: int) -> None:
    refused = [Refused(version, "worse than the live one", NOW) for version in range(4, 4 + refusals)]
    health = diagnose(replace(WELL, symptoms=Symptoms(refused=refused)), BOUNDS)
    assert health.well == (refusals < 3)
    if not health.well:
        [alarm] = health.alarms
        assert alarm.what == "The last 3 reward models were rejected; reward 6: worse than the live one"
        assert alarm.action is Remedy.RETRAIN


def test_clocks_beyond_their_bounds() -> None:
    late = Clock(7300.0, [Arrival(1, NOW, 90.0)])
    facts = replace(WELL, freshness=Freshness(late, Clock(7000.0, []), STILL))
    alarm = only(facts)
    assert alarm.what == "The oldest label that no reward model was trained on waits for 2.0 h, bound 2.0 h."
    assert alarm.action is Remedy.RETRAIN
    assert lines(diagnose(facts, BOUNDS))[-1] == (
        "freshness: label to reward took 90 s, now waits 2.0 h; reward to policy none yet, now waits 117 min; "
        "policy to sample none yet"
    )
    assert [one.severity for one in diagnose(replace(facts, stops=(stop(),)), BOUNDS).alarms] == [Severity.STOP]


def test_webhooks_that_fail_are_a_notice_without_their_path() -> None:
    facts = replace(WELL, webhooks=(hook(2), hook(3), hook(0, ended=True)))
    health = diagnose(facts, BOUNDS)
    assert [alarm.what for alarm in health.alarms] == [
        "webhook 3 (hooks.example.org) failed 3 times: 410 Gone",
        "webhook 3 (hooks.example.org) wants no more events: 410 Gone",
    ]
    assert health.well
