"""Every statistic of a PPO batch has one name in the field, and one for Prometheus."""

from dataclasses import fields

from prometheus_client.validation import _validate_metric_name

from shared import measures
from shared.measures import BATCH, Measure
from shared.training.ppo_segment import BatchStats

ALL = [*BATCH.values(), *(value for value in vars(measures).values() if isinstance(value, Measure))]


def test_every_statistic_of_a_batch_is_mapped_and_nothing_else() -> None:
    assert set(BATCH) == {field.name for field in fields(BatchStats)}


def test_names_are_unique_and_what_prometheus_takes() -> None:
    for names in ([measure.name for measure in ALL], [measure.prometheus for measure in ALL]):
        assert len(set(names)) == len(names)
    for measure in ALL:
        _validate_metric_name(measure.prometheus)
        assert measure.prometheus.isascii()


def test_the_field_finds_the_names_it_knows() -> None:
    assert BATCH["kl"].name == "objective/kl"
    assert BATCH["kl"].prometheus == "prefloop_objective_kl"
    assert BATCH["clipfrac"].prometheus == "prefloop_policy_clipfrac_avg"
