"""Asking a service: what its model answers, and who refuses where it cannot."""

import io
import time

from .kit import Kit
from .services import PATIENCE, deployed, messages, ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Says what it was asked and which variables it has; of what is no JSON, the body as it came. With `status` in it, what
#: it was asked says what to answer.
MODEL = """
import json, os

def handler(request, context):
    (content,) = request["contents"]
    body, kind = content.read(), content["content_type"]
    print("asked for {} bytes of {}".format(len(body), kind))
    if kind != "application/json":
        return {"content": [body], "content_type": kind, "metadata": {"x-method": request["http_method"]}}
    asked = json.loads(body.decode())
    if isinstance(asked, dict) and "status" in asked:
        if asked["status"] == 500:
            raise ValueError("as asked")
        return {"status_code": asked["status"], "content": asked["content"], "content_type": asked["content_type"]}
    told = {"asked": asked, "variables": {name: os.environ[name] for name in ("A", "B")}}
    return {"content": told, "content_type": "application/json"}
"""

NOWHERE = "ser-0000000000000000"

#: No text in any encoding that is likely, and longer than one read.
PICTURE = bytes(range(255, -1, -1)) * 400


def served(kit: Kit) -> "tuple[str, str]":
    """Return the ids of a deployment, and of a service of it that is ready."""
    # Before anything is made for an SDK that cannot ask.
    kit.api("services").request_service  # noqa: B018 - raises where it is absent
    deployment, version = deployed(kit, MODEL)
    made = kit.api("services").create_service(kit.organization, deployment, version, environment={"B": "2"})
    ready(kit, deployment, made["service_id"])
    return deployment, made["service_id"]


def asked(kit: Kit, deployment: str, service: str, **said: "Any") -> "Any":
    """Ask a service, and return the answer."""
    with kit.organizations_host():
        return kit.api("services").request_service(kit.organization, deployment, service, **said)


def refused(kit: Kit, status: int, deployment: str, service: str, **said: "Any") -> "Any":
    """Check that a service refuses what it is asked with a status, and return the SDK's exception."""
    request = kit.api("services").request_service
    with kit.organizations_host():
        return kit.refused(status, request, kit.organization, deployment, service, **said)


def heard(kit: Kit, deployment: str, service: str, count: int) -> "list[str]":
    """Return what the model of a service says of each request in its log, oldest first, once so many are there."""
    patience = time.monotonic() + PATIENCE
    while True:
        page = kit.api("services").get_service_recent_logs(kit.organization, deployment, service)
        found = [each for each in messages(page)[::-1] if each.startswith("asked for")]
        if len(found) >= count:
            return found
        assert time.monotonic() < patience, found
        time.sleep(0.02)


def check_asking_with_json(kit: Kit) -> None:
    """The model is asked what was sent, and answers by the variables that its service shows; both are in the log."""
    where = served(kit)
    service = kit.api("services").get_service(kit.organization, *where)
    for question in ([1, None, "犬"], {"name": "x" * 100000}, "", 0, False):
        answer = asked(kit, *where, json=question)
        assert answer.status_code == 200
        assert answer.json() == {"asked": question, "variables": service["merged_env_vars"]}
    assert service["merged_env_vars"] == {"A": "1", "B": "2"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Abeja-Deployment-Id"] == service["deployment_id"] == where[0]
    assert answer.headers["X-Abeja-Service-Id"] == service["service_id"] == where[1]
    assert answer.headers["X-Abeja-Model-Version"] == service["model_version"] == "0.0.1"
    assert heard(kit, *where, count=5)[2:] == ["asked for {} bytes of application/json".format(n) for n in (2, 1, 5)]


def check_asking_with_bytes(kit: Kit) -> None:
    """Bytes come to the model and back as they are, under the type that is said, and else as bytes of no known type."""
    where = served(kit)
    for content_type in ("image/png", "audio/x-own", None):
        for data in (PICTURE, io.BytesIO(PICTURE), b"\x00"):
            answer = asked(kit, *where, data=data, content_type=content_type)
            assert answer.content == (b"\x00" if data == b"\x00" else PICTURE)
            assert answer.headers["Content-Type"] == (content_type or "application/octet-stream")
            assert answer.headers["X-Method"] == "POST"
    answer = asked(kit, *where, data="text", content_type="text/plain")
    assert (answer.content, answer.headers["Content-Type"]) == (b"text", "text/plain")
    lines = heard(kit, *where, count=10)
    assert lines[0] == lines[1] == "asked for {} bytes of image/png".format(len(PICTURE))
    assert lines[8:] == ["asked for 1 bytes of application/octet-stream", "asked for 4 bytes of text/plain"]


def check_answers_that_are_errors(kit: Kit) -> None:
    """The status is the handler's, and its words are the reason; a failure is tried again, by whoever may."""
    where = served(kit)
    created = asked(kit, *where, json={"status": 201, "content": "made", "content_type": "text/plain"})
    assert (created.status_code, created.text) == (201, "made")
    for status in (400, 404, 409, 422):
        question = {"status": status, "content": "no cat", "content_type": "text/plain"}
        assert refused(kit, status, *where, json=question).error_description == "no cat"
    content = {"error": "no_cat", "error_description": "there is none"}
    error = refused(kit, 400, *where, json={"status": 400, "content": content, "content_type": "application/json"})
    assert (error.error, error.error_description) == ("no_cat", "there is none")
    try:
        asked(kit, *where, json={"status": 400, "content": "[1]", "content_type": "application/json"})
        raise AssertionError
    except AttributeError:
        # It takes any JSON for an object that says what is wrong.
        pass
    before = len(heard(kit, *where, count=7))
    # Once, which it does without a pause.
    impatient = kit.module("services").APIClient(max_retry_count=1)
    question = {"status": 500, "content": "", "content_type": ""}
    with kit.organizations_host():
        error = kit.refused(500, impatient.request_service, kit.organization, *where, json=question)
    assert "unexpected error occurred" in error.error_description
    assert (before, len(heard(kit, *where, count=9))) == (7, 9)
    assert asked(kit, *where, json=1).json()["asked"] == 1


def check_asking_a_service_that_is_stopped(kit: Kit) -> None:
    """It answers as none that is there, until it is started again, and no more once it is deleted."""
    where = served(kit)
    api = kit.api("services")
    assert asked(kit, *where, json=1).json()["asked"] == 1
    api.stop_service(kit.organization, *where)
    assert "not found" in refused(kit, 404, *where, json=2).error_description
    api.start_service(kit.organization, *where)
    ready(kit, *where)
    assert asked(kit, *where, json=3).json()["asked"] == 3
    # None of what came between has reached a model.
    assert len(heard(kit, *where, count=2)) == 2
    api.delete_service(kit.organization, *where)
    refused(kit, 404, *where, json=4)


def check_asking_a_service_that_is_not_there(kit: Kit) -> None:
    """Or not in that deployment, or not in that organization: it is refused, and the model is not asked."""
    deployment, service = served(kit)
    other = kit.api("deployments").create_deployment(kit.organization, name="other")["deployment_id"]
    nowhere = "1999999999999"
    missing = {NOWHERE: (deployment, NOWHERE), service: (other, service), nowhere: (nowhere, service)}
    for name, where in missing.items():
        assert name in refused(kit, 404, *where, json=1).error_description
    request = kit.api("services").request_service
    with kit.organizations_host():
        kit.refused(404, request, nowhere, deployment, service, json=1)
    assert asked(kit, deployment, service, json=2).json()["asked"] == 2
    assert len(heard(kit, deployment, service, count=1)) == 1
