"""Services beside a test that has faked the file system."""

from __future__ import annotations

import sys

import pytest

from tests.serving.served import PATIENCE, serving

pytest.importorskip("pyfakefs")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before, pathlib cannot be faked once a path is made")
def test_services_beside_a_faked_file_system() -> None:
    """One that was there answers; one that is made fails and says why; both are there again afterwards."""
    from abeja_emulator.companions.file_system import faked_file_system

    with serving() as served:
        service, version = served.service(), served.version()
        process = served.keeper(service).instances[0].process
        with faked_file_system([], []):
            answer = served.ask(service, data=b"x" * 3_000_000, headers={"Content-Type": "text/plain"})
            assert answer.status_code == 200, answer.text
            assert len(answer.json()["body"]) == 3_000_000
            made = served.create(version=version)
            assert served.wait(made).status == "FAILED"
            assert "the test has a file system of its own" in served.log(made)[-1]
            # Another cannot be started in its place there.
            process.kill()
            assert process.has_ended(PATIENCE)
            assert served.wait(service).status == "FAILED"
            assert "the test has a file system of its own" in served.log(service)[-1]
        for each in (service, made):
            served.api.start_service(served.organization, served.deployment, each)
            assert served.wait(each).status == "READY", served.log(each)
            assert served.ask(each).status_code == 200
