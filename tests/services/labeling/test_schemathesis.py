"""Whatever is sent to it, the API answers as its description says: never a 5xx, never an undescribed status or body."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.store.database import Database
from tests.services.labeling.conftest import Labeling
from tests.services.labeling.rows import add_queries

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FEW = settings(max_examples=10, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_the_answer_is_as_described(labeling: Labeling, db: Database, mode: GenerationMode) -> None:
    add_queries(db, [f"query {n}" for n in range(50)])
    key = {"Authorization": f"Bearer {labeling.ada}"}
    schema = schemathesis.openapi.from_url(f"{labeling.url}/api/openapi.json", headers=key)
    statuses: set[int] = set()
    with labeling.client(labeling.ada) as ada:
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if mode == GenerationMode.POSITIVE or operation.body:  # without one there is little to get wrong
                statuses |= _fuzz(operation, mode, ada, key)
    assert {200, 404, 422} <= statuses if mode == GenerationMode.POSITIVE else {422} <= statuses


def _fuzz(operation: Any, mode: GenerationMode, ada: httpx.Client, key: dict[str, str]) -> set[int]:
    """A few requests to one route, half of those about a lease about one that is there; the codes that came back."""
    statuses: set[int] = set()

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def conforms(case: Any, real: bool) -> None:
        if real and "lease_id" in case.path_parameters:
            lease = ada.post("/api/leases", json={}).json()["lease"]
            case.path_parameters["lease_id"] = lease["id"]
        response = case.call(headers=key)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    conforms()
    return statuses
