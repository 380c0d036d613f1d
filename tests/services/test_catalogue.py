"""The catalogue: every operation says what it does and how that is known; those not emulated say so."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import pytest

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.planned import planned_operations
from abeja_emulator.wire.content import Download, Multipart, Upload
from abeja_emulator.wire.operations import Access, Base, Evidence, Operation, unique
from abeja_emulator.wire.routing import Router
from tests.services.wire import bare, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

EMULATED = [operation for operation in all_operations() if operation.rule]
PLANNED = [operation for operation in all_operations() if not operation.rule]

#: What the platform is known to do when a client is at fault; 500 and above are retried by every client.
REFUSALS = {400, 401, 403, 404, 405, 409, 413}

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
            if declared not in {None, Upload, Download}:
                msgspec.json.schema_components([declared])

    @pytest.mark.parametrize("operation", EMULATED, ids=named)
    def test_credential_or_signature_is_asked_for(self, platform: Platform, operation: Operation) -> None:
        """Without the one or the other, no operation does anything."""
        response = bare(operation.method, filled(operation, platform.organization.id))
        check_refusal(response, 403 if operation.access is Access.SIGNATURE else 401)
        (entry,) = platform.journal
        assert entry.operation == operation.name


class TestPlanned:
    """Operations without a rule."""

    @pytest.mark.parametrize("operation", PLANNED, ids=named)
    def test_answers_501(self, platform: Platform, operation: Operation) -> None:
        """Each answers 501 and names itself, instead of inventing an answer."""
        response = bare(operation.method, filled(operation, platform.organization.id), auth=("user-1", "token"))
        check_refusal(response, 501, operation.name, "not emulated yet")
        assert response.json()["error"] == "not_emulated"

    def test_all_are_in_the_catalogue(self) -> None:
        """What is planned is in the catalogue, with a rule by now or without; nothing else in it is without one."""
        there = {(operation.method, operation.base, operation.path) for operation in all_operations()}
        planned = planned_operations()
        assert {(operation.method, operation.base, operation.path) for operation in planned} <= there
        assert set(PLANNED) <= set(planned)

    def test_declaration(self) -> None:
        """Each names its service, and where it is known from."""
        for operation in PLANNED:
            service, _, name = operation.name.partition(".")
            assert service == operation.service
            assert name.isidentifier()
            assert operation.source


class TestWhole:
    """The catalogue as one."""

    def test_services(self) -> None:
        """Every service that clients know is there."""
        assert {operation.service for operation in all_operations()} == {
            "organizations",
            "datasets",
            "datalake",
            "bucket",
            "training",
            "models",
            "notebook",
            "deployments",
            "services",
            "endpoints",
            "runs",
            "triggers",
            "registry",
            "security",
            "secrets",
            "labs",
            "dx-templates",
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
