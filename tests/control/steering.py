"""Calls of the control API, each answer checked against its declaration, and what they steer."""

from __future__ import annotations

import functools
import io
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from abeja_emulator.control.declaring import PREFIX
from abeja_emulator.control.operations import OPERATIONS
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import LogLine
from abeja_emulator.wire.content import Upload
from abeja_emulator.wire.openapi import openapi
from abeja_emulator.wire.operations import Base
from abeja_emulator.wire.routing import Router
from tests.control.document import fits, resolved

if TYPE_CHECKING:
    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.training.records import TrainingJob

ROUTER = Router(OPERATIONS)
TIMEOUT = 10

#: What a job does here: two lines, one of them a warning, and its end.
TRAIN = b"""
import sys

def handler(context):
    print("a line")
    print("a warning", file=sys.stderr)
"""


@functools.cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of the control API."""
    return openapi(OPERATIONS, title="x", version="1", secured=False)


class Steering:
    """Calls the control API as a program would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def raw(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Call any path of the server."""
        return self._session.request(method, self.url + path, timeout=TIMEOUT, **arguments)

    def __call__(self, method: str, path: str, **arguments: Any) -> Any:
        """Call a path below the prefix that has to answer, and return the answer, which is as declared."""
        response = self.raw(method, PREFIX + path, **arguments)
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "application/json"
        answer = response.json()
        operation = ROUTER.route(Base.API, method, (PREFIX + path).partition("?")[0]).operation
        assert operation is not None
        assert msgspec.to_builtins(msgspec.convert(answer, operation.answer)) == answer
        assert fits(document(), answer, self._schema(operation.path, method, 200))
        return answer

    def refused(self, status: int, method: str, path: str, *words: str, **arguments: Any) -> str:
        """Call a path below the prefix that has to refuse, in these words among others, and return all of them."""
        response = self.raw(method, PREFIX + path, **arguments)
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "application/json"
        answer = response.json()
        operation = ROUTER.route(Base.API, method, (PREFIX + path).partition("?")[0]).operation
        if operation is not None:
            assert fits(document(), answer, self._schema(operation.path, method, status))
        sentence = answer["error_description"]
        assert all(word in sentence for word in words), sentence
        return str(sentence)

    def _schema(self, path: str, method: str, status: int) -> dict[str, Any]:
        declared = document()["paths"][path][method.lower()]["responses"][str(status)]
        schema: dict[str, Any] = resolved(document(), declared)["content"]["application/json"]["schema"]
        return schema

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()


def new_job(
    platform: Platform, name: str = "definition", source: bytes | None = None, organization: str | None = None
) -> TrainingJob:
    """Create a Pending job, of a version with an archive if there is a source, as the API does."""
    world, organization = platform.world, organization or platform.organization.id
    with world.store.transaction():
        definitions = Definitions(world)
        definition = definitions.find(organization, name) or definitions.create(organization, name)
        version = definitions.create_version(definition, archive(source), handler="train:handler")
        return Jobs(world).create(definition, version, platform.user.id)


def archive(source: bytes | None) -> Upload | None:
    """Return a source archive with that `train.py`."""
    if source is None:
        return None
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("train.py", source)
    return Upload(content.getvalue(), len(content.getvalue()))


def move(platform: Platform, job: TrainingJob, status: str, message: str | None = None) -> None:
    """Let a job go to another status."""
    with platform.world.store.transaction():
        jobs = Jobs(platform.world)
        jobs.move(jobs.find(job.training_job_id), status, message)


def log(platform: Platform, job: TrainingJob, *messages: str) -> None:
    """Append lines to the log of a job."""
    with platform.world.store.transaction():
        Jobs(platform.world).log(
            job.training_job_id, [LogLine(timestamp=number, message=text) for number, text in enumerate(messages)]
        )


def post_statistics(platform: Platform, job: TrainingJob, *statistics: dict[str, Any]) -> None:
    """Post what a job has learnt."""
    with platform.world.store.transaction():
        jobs = Jobs(platform.world)
        for posted in statistics:
            jobs.post_statistics(jobs.find(job.training_job_id), posted)
