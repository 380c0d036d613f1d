"""The catalogue: every operation says what it does and how that is known; those not emulated say so."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import pytest

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.limits import LIMITS, missing_operations
from abeja_emulator.wire.content import Download, Empty, FilesForm, Multipart, Upload
from abeja_emulator.wire.operations import Access, Base, Evidence, Operation, unique
from abeja_emulator.wire.routing import Router
from tests.services.wire import bare, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

EMULATED = [operation for operation in all_operations() if operation.rule]
MISSING = [operation for operation in all_operations() if not operation.rule]

#: What the platform is known to do when a client is at fault, and 501 for what is a limit of ours; every client retries
#: 500, 502, 503 and 504.
REFUSALS = {400, 401, 403, 404, 405, 409, 413, 501}

#: Values for the segments of a path, none of which is there.
UNKNOWN = "1999999999999"


def filled(operation: Operation, organization: str) -> str:
    """Return the operation's path on a host that serves it, its segments filled with ids of nothing."""
    path = operation.path.replace("{organization_id}", organization)
    parts = [UNKNOWN if part.startswith("{") else part for part in path.split("/")]
    host = f"{organization}.api.abeja.io" if operation.base is Base.ORGANIZATION else "api.abeja.io"
    return f"https://{host}" + "/".join(parts)


def named(operation: Operation) -> str:
    """Name a test after its operation."""
    return operation.name


class TestEmulated:
    """Operations with a rule."""

    @pytest.mark.parametrize("operation", EMULATED, ids=named)
    def test_declaration(self, operation: Operation) -> None:
        """Each has a summary, evidence with a source, an answer, and refusals that clients do not retry."""
        assert operation.summary.endswith(".")
        assert isinstance(operation.evidence, Evidence)
        assert operation.source.strip() == operation.source != ""
        assert operation.answer is not None
        assert set(operation.errors) <= REFUSALS
        assert list(operation.errors) == sorted(set(operation.errors))
        assert resources.files("abeja_emulator.services").joinpath(f"{operation.service}/operations.py").is_file()

    @pytest.mark.parametrize("operation", EMULATED, ids=named)
    def test_refusals_that_follow_from_the_declaration(self, operation: Operation) -> None:
        """Who checks credentials can refuse them; a signature can be wrong; a body or a query can be malformed."""
        declared = set(operation.errors)
        assert declared >= ({403} if operation.access is Access.SIGNATURE else {401, 403})
        if operation.query is not None or operation.body not in {None, Upload}:
            assert 400 in declared

    @pytest.mark.parametrize("operation", EMULATED, ids=named)
    def test_types_are_usable(self, operation: Operation) -> None:
        """Query, body and answer are types that msgspec can check and describe, or bytes."""
        body = operation.body.parameters if isinstance(operation.body, Multipart) else operation.body
        for declared in (operation.query, body, operation.answer):
            if declared not in {None, Upload, Download, Empty} and not isinstance(declared, FilesForm):
                msgspec.json.schema_components([declared])

    @pytest.mark.parametrize("operation", EMULATED, ids=named)
    def test_credential_or_signature_is_asked_for(self, platform: Platform, operation: Operation) -> None:
        """Without the one or the other, no operation does anything."""
        response = bare(operation.method, filled(operation, platform.organization.id))
        check_refusal(response, 403 if operation.access is Access.SIGNATURE else 401)
        (entry,) = platform.journal
        assert entry.operation == operation.name


class TestMissing:
    """Operations without a rule."""

    @pytest.mark.parametrize("operation", MISSING, ids=named)
    def test_answers_501(self, platform: Platform, operation: Operation) -> None:
        """Each answers 501 and names itself and the reason, instead of inventing an answer."""
        response = bare(operation.method, filled(operation, platform.organization.id), auth=("user-1", "token"))
        check_refusal(response, 501, operation.name, operation.reason)
        assert response.json()["error"] == "not_emulated"

    def test_all_are_in_the_catalogue(self) -> None:
        """Whatever has no rule is listed as missing."""
        assert list(missing_operations()) == MISSING

    def test_declaration(self) -> None:
        """Each names its service, the reason, and where it is known from."""
        for operation in MISSING:
            assert operation.service in {each.service for each in EMULATED}
            assert operation.reason
            assert operation.source


class TestLimits:
    """What is left out of operations that are emulated."""

    def test_each_is_of_an_operation(self) -> None:
        """It names one that is emulated, what of it is missing, and why; none is there twice."""
        names = {operation.name for operation in EMULATED}
        for limit in LIMITS:
            assert limit.operation in names
            assert limit.part
            assert limit.reason
        assert len({(limit.operation, limit.part) for limit in LIMITS}) == len(LIMITS)

    def test_who_refuses_with_501_says_why(self) -> None:
        """An operation that may answer so is listed."""
        refusing = {operation.name for operation in EMULATED if 501 in operation.errors}
        assert refusing <= {limit.operation for limit in LIMITS}


class TestWhole:
    """The catalogue as one."""

    def test_services(self) -> None:
        """Every service that clients know is there."""
        assert {operation.service for operation in all_operations()} == {
            "organizations",
            "datasets",
            "datalake",
            "buckets",
            "training",
            "models",
            "notebooks",
            "deployments",
            "services",
            "endpoints",
            "runs",
            "triggers",
            "registry",
            "security",
            "secrets",
            "labs",
            "dx_templates",
            "opsbeellm",
        }

    def test_names_and_paths_are_unique(self) -> None:
        """No two share a name, nor a method and a path."""
        assert unique(all_operations()) == all_operations()

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_every_operation_is_routed_to(self, slash: str) -> None:
        """Each is found under its own path, with a trailing slash and without, and not one of its neighbours."""
        router = Router(all_operations())
        for operation in all_operations():
            parts = [
                f"v{number}" if part.startswith("{") else part for number, part in enumerate(operation.path.split("/"))
            ]
            route = router.route(operation.base, operation.method, "/".join(parts) + slash)
            assert route.operation == operation
            names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
            assert list(route.values) == names
