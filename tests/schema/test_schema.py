"""Schemathesis makes up requests from the OpenAPI document: none finds a defect, and every answer is as it says."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.openapi import platform_openapi
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.wire.operations import Access, Base
from tests.checked_platform import CheckedPlatform
from tests.populated import Populated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.wire.operations import Operation

schemathesis = pytest.importorskip("schemathesis", reason="it needs Python 3.10")

checks = pytest.importorskip("schemathesis.specs.openapi.checks", reason="it needs Python 3.10")


def not_a_defect(context: Any, response: Any, case: Any) -> None:
    """Refuse 500; a 501 that is declared is a limit, which is no defect."""
    if response.status_code != HTTPStatus.NOT_IMPLEMENTED:
        schemathesis.checks.not_a_server_error(context, response, case)


CHECKS = [
    not_a_defect,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]

#: Requests that are made up for each operation; `make fuzz` wants more.
EXAMPLES = int(os.environ.get("ABEJA_TEST_SCHEMA_EXAMPLES", "6"))

EMULATED = {operation.name: operation for operation in all_operations() if operation.rule is not None}


@pytest.fixture(scope="module")
def document() -> Any:
    """The document, as Schemathesis reads it."""
    return schemathesis.openapi.from_dict(platform_openapi())


@pytest.fixture(scope="module")
def populated() -> Iterator[Populated]:
    """A platform with one of everything, which every HTTP client of this process reaches; each request is undone."""
    with CheckedPlatform() as platform, InProcess(platform):
        yield Populated(platform)


def parameters(operation: Operation, populated: Populated, made_up: dict[str, Any], draw: Any) -> dict[str, Any]:
    """Return values for the path: mostly of what is there, sometimes made up."""
    chosen = dict(made_up)
    for name in chosen:
        there = populated.values.get(operation.path.partition(f"{{{name}}}")[0] + f"{{{name}}}")
        if there and draw(st.integers(0, 7)) != 3:
            chosen[name] = draw(st.sampled_from(there))
    return chosen


@pytest.mark.parametrize("name", EMULATED)
def test_every_answer_is_as_the_document_says(name: str, document: Any, populated: Populated) -> None:
    """No 500, no status that is not declared, no body that its schema does not describe."""
    operation, described = EMULATED[name], document.find_operation_by_id(name)
    host = "api.abeja.io" if operation.base is Base.API else f"{populated.platform.organization.id}.api.abeja.io"

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=described.as_strategy(), data=st.data())
    def answer(case: Any, data: st.DataObject) -> None:
        case.path_parameters = parameters(operation, populated, case.path_parameters or {}, data.draw)
        case.headers["Authorization"] = "Bearer anything"
        if operation.access is Access.SIGNATURE and data.draw(st.integers(0, 7)) != 3:
            path = [str(case.path_parameters.get(part[1:-1], part)) for part in operation.path.split("/")[2:]]
            signed, _ = populated.platform.world.signer.sign(operation.method, *path)
            case.query = dict(pair.split("=", 1) for pair in signed.partition("?")[2].split("&"))
        snapshot = populated.platform.snapshot()
        try:
            case.call_and_validate(base_url=f"https://{host}", checks=CHECKS)
        finally:
            snapshot.rollback()

    answer()
