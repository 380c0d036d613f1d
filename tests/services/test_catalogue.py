"""The catalogue: every operation says what it does and how that is known; those not emulated say so."""

from __future__ import annotations

from importlib import resources

import msgspec
import pytest

from abeja_emulator.platform import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.descriptions import DESCRIPTION_LIMIT
from abeja_emulator.services.limits import LIMITS, missing_operations
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.wire.content import Download, Empty, FilesForm, Multipart, Upload
from abeja_emulator.wire.messages import Request, Response
from abeja_emulator.wire.operations import Access, Base, Evidence, Operation, unique
from abeja_emulator.wire.routing import Router
from tests.services.wire import API, bare, check_refusal

EMULATED = [operation for operation in all_operations() if operation.rule]

#: Types of bodies and answers that are no JSON.
AS_THEY_COME = {None, Upload, Download, Empty, Request, Response}

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


def is_struct(shape: object) -> bool:
    """Tell whether a shape is a struct."""
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


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
            if declared not in {None, Upload, Download, Empty, Request, Response} and not isinstance(
                declared, FilesForm
            ):
                msgspec.json.schema_components([declared])

    def test_descriptions_have_one_limit(self) -> None:
        """Whatever a description is of, its declaration refuses one that is too long."""
        limits = {}
        for operation in EMULATED:
            body = operation.body.parameters if isinstance(operation.body, Multipart) else operation.body
            fields = msgspec.structs.fields(body) if is_struct(body) else ()
            for field in fields:
                if field.name == "description":
                    (schema,), _ = msgspec.json.schema_components([field.type])
                    limits[operation.name] = str(schema)
        assert len(limits) > 20
        assert [name for name, schema in limits.items() if f"'maxLength': {DESCRIPTION_LIMIT}" not in schema] == []

    @pytest.mark.parametrize("operation", EMULATED, ids=named)
    def test_credential_or_signature_is_asked_for(self, platform: Platform, operation: Operation) -> None:
        """Without the one or the other, no operation does anything."""
        response = bare(operation.method, filled(operation, platform.organization.id))
        check_refusal(response, 403 if operation.access is Access.SIGNATURE else 401)
        (entry,) = platform.journal
        assert entry.operation == operation.name


class TestMissing:
    """Operations without a rule: none at present, so one is made up."""

    def test_answers_501(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One names itself and the reason, instead of inventing an answer."""
        lost = Operation("fly", "POST", "/organizations/{organization_id}/flights", service="labs", reason="no wings")
        monkeypatch.setattr("abeja_emulator.platform.all_operations", lambda: (*EMULATED, lost))
        with Platform() as platform, InProcess(platform):
            credential = ("user-1", "token")
            refused = bare("POST", f"{API}/organizations/{platform.organization.id}/flights", auth=credential)
        assert refused.status_code == 501
        assert refused.json()["error"] == "not_emulated"
        assert all(word in refused.json()["error_description"] for word in ("fly", "no wings", "docs/limits.md"))

    def test_all_are_in_the_catalogue(self) -> None:
        """Whatever has no rule is listed as missing, with where it is known from."""
        missing = [operation for operation in all_operations() if operation.rule is None]
        assert list(missing_operations()) == missing
        assert all(operation.reason and operation.source for operation in missing)


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
            "results",
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
