"""What a Platform does with secrets, with defects of its own, and with large bodies."""

from __future__ import annotations

import base64
import io
import logging
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.errors import BadRequest
from abeja_emulator.platform import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.datasets.records import Dataset
from abeja_emulator.store.blobs import SpooledFile
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.routing import Router
from tests.platform_calls import BEARER, LARGE, answer, call, description, files, new_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.wire.operations import Operation


def replace_rule(platform: Platform, name: str, rule: Callable[[Any], Any]) -> None:
    """Put another rule in the place of an operation's."""

    def changed(operation: Operation) -> Operation:
        return replace(operation, rule=rule) if operation.name == name else operation

    platform._router = Router(map(changed, all_operations()))


class TestSecrecy:
    """The journal may be shown to anybody."""

    @pytest.mark.parametrize(
        "header",
        [
            "Bearer Geheim",
            "Geheim",
            "Token Geheim",
            "Basic " + base64.b64encode(b"user-1:Geheim").decode(),
            "Basic " + base64.b64encode(b"Geheim").decode(),
        ],
    )
    @pytest.mark.parametrize("auth", ["open", "strict"])
    def test_no_credential(self, header: str, auth: Any) -> None:
        """Whether it was taken or not, and in whatever form it came."""
        with Platform(auth=auth) as platform:
            for path in ("/organizations/{org}", "/nowhere", "/organizations/{org}/buckets"):
                call(platform, "GET", path, None, ("Authorization", header))
            shown = "\n".join(map(repr, platform.journal)) + "\n".join(map(str, platform.journal))
            assert len(platform.journal) == 3
            assert "Geheim" not in shown
            assert header.rsplit(" ", maxsplit=1)[-1] not in shown

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
    @pytest.mark.parametrize("more", ["", "/", "/more"])
    def test_no_signature(self, platform: Platform, method: str, more: str) -> None:
        """Nor when the URL was called wrongly."""
        target, _ = platform.world.signer.sign("GET", "files", "1", "2")
        path, _, query = target.partition("?")
        call(platform, method, f"{path}{more}?{query}")
        entry = platform.journal[0]
        assert (entry.path, entry.query) == (path + more, "")
        assert query.partition("signature=")[2] not in repr(entry)


class TestDefect:
    """A rule that fails in itself."""

    @pytest.mark.parametrize("error", [KeyError("x"), RecursionError("deep"), AssertionError(), OSError("disk full")])
    def test_answer_and_log(self, platform: Platform, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
        """500 with a plain sentence to the client, a traceback in the log, and the state as before."""

        def broken(made: Any) -> None:
            table = made.world.store.table("dataset", Dataset)
            times = {"created_at": "", "updated_at": ""}
            dataset = Dataset(dataset_id="1", organization_id="1", name="half", type="x", **times)
            table.insert(platform.organization.id, "1", dataset, name="half")
            made.world.store.blobs.put(b"half")
            raise error

        replace_rule(platform, "create_dataset", broken)
        with caplog.at_level(logging.ERROR, "abeja_emulator"):
            said = description(new_dataset(platform), 500)
        assert said.startswith(f"the emulator failed: {error!r}; please report it")
        (record,) = caplog.records
        assert "failed in the emulator itself" in record.getMessage()
        assert record.exc_info is not None
        assert record.exc_info[1] is error
        assert platform.journal[0].error == said
        assert answer(call(platform, "GET", "/organizations/{org}/datasets")) == []
        assert platform.world.store.blobs.size == 0

    def test_answer_that_cannot_be_written(self, platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
        """It is a defect like any other, and what the rule did is undone."""

        def broken(made: Any) -> object:
            platform.seed.channel("half")
            return object()

        replace_rule(platform, "create_dataset", broken)
        assert "object" in description(new_dataset(platform), 500)
        assert len(caplog.records) == 1
        assert answer(call(platform, "GET", "/organizations/{org}/channels"))["channels"] == []

    def test_the_end_of_a_test_is_no_defect(self, platform: Platform) -> None:
        """What ends a test or the run is not answered with 500."""

        def interrupted(made: Any) -> None:
            raise KeyboardInterrupt

        replace_rule(platform, "create_dataset", interrupted)
        with pytest.raises(KeyboardInterrupt):
            new_dataset(platform)


class TestBodies:
    """Large bodies."""

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("POST", "/nowhere", 404),
            ("PATCH", "/organizations/{org}/datasets", 405),
            ("PUT", "/organizations/{org}/deployments/1/results/2", 404),
            ("POST", "/organizations/{org}/datasets", 400),
            ("POST", "/channels/unknown/upload", 404),
            ("POST", "/organizations/{org}/channels/unknown/archive", 404),
            ("PUT", "/_signed/files/1/2", 403),
        ],
    )
    def test_of_a_refused_call(self, platform: Platform, disk: Path, method: str, path: str, status: int) -> None:
        """Whatever the reason, its file is gone when the answer is there."""
        assert description(call(platform, method, path, body=b"x" * LARGE * 2), status)
        assert files(disk) == []

    @pytest.mark.parametrize("valid", [True, False])
    def test_of_a_form(self, platform: Platform, disk: Path, valid: bool) -> None:
        """The file of a form is kept when it is taken, and gone with every other part when it is not."""
        call(platform, "POST", "/organizations/{org}/training/definitions", {"name": "d"})
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("m.py", "x" * LARGE * 2)
        source = buffer.getvalue() if valid else b"no archive" * LARGE
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part
            for part in ((b"source_code", source), (b"more", b"x" * LARGE * 2), (b"parameters", b'{"handler": "m:h"}'))
        )
        form = ("Content-Type", "multipart/form-data; boundary=b")
        path = "/organizations/{org}/training/definitions/d/versions"
        response = call(platform, "POST", path, None, BEARER, form, body=body + b"--b--\r\n")
        assert response.status == (200 if valid else 400), response.read()
        assert [path.read_bytes() for path in files(disk)] == ([source] if valid else [])

    def test_download_outlives_the_file(self, platform: Platform, disk: Path) -> None:
        """A client that reads slowly gets all of it, though the file is deleted meanwhile."""
        channel = platform.seed.channel("c")
        path = f"/channels/{channel}/"
        file_id = answer(call(platform, "POST", path + "upload", body=b"x" * LARGE * 2))["file_id"]
        signed = answer(call(platform, "GET", path + file_id))["download_uri"].partition("api.abeja.io")[2]
        response = call(platform, "GET", signed, None, ("X", "no credential"))
        assert answer(call(platform, "DELETE", path + file_id))
        assert files(disk) == []
        assert response.read() == b"x" * LARGE * 2

    def test_closed_whatever_happens(self, platform: Platform) -> None:
        """The body is closed even by an operation that ignores it."""
        spool = platform.spool()
        spool.write(b"x" * LARGE * 2)
        body, size = spool.finish()
        assert isinstance(body, SpooledFile)
        platform.handle(Request("GET", "/organizations/1", body=body, length=size))
        assert body.closed

    @pytest.mark.parametrize("error", [None, BadRequest("no"), ZeroDivisionError()])
    def test_form_is_closed_whatever_its_rule_does(self, platform: Platform, error: Exception | None) -> None:
        """Whoever else still looks at it."""
        seen: list[Any] = []

        def look(made: Any) -> None:
            seen.append(made.body.file.content)
            if error is not None:
                raise error

        replace_rule(platform, "create_training_job_definition_version", look)
        form = ("Content-Type", "multipart/form-data; boundary=b")
        part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        body = part % (b"source_code", b"x" * LARGE * 2) + part % (b"parameters", b'{"handler": "m:h"}') + b"--b--"
        call(platform, "POST", "/organizations/{org}/training/definitions/d/versions", None, BEARER, form, body=body)
        assert isinstance(seen[0], SpooledFile)
        assert seen[0].closed
