"""A look at deployments and what is below them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

import pytest
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.endpoints import APIClient as EndpointsAPI
from abeja.runs import APIClient as RunsAPI
from abeja.services import APIClient as ServicesAPI
from abeja.triggers import APIClient as TriggersAPI

from abeja_emulator.errors import NotFound
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.logs.pages import RUN_LOG, SERVICE_LOG, Logs
from abeja_emulator.services.results.rules import Results

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


def deployed(organization: str, name: str) -> tuple[str, str]:
    """Make a deployment with a version, and return the ids of both."""
    api = DeploymentsAPI()
    deployment = api.create_deployment(organization, name=name)["deployment_id"]
    image = "abeja-inc/all-cpu:19.10"
    return deployment, api.create_deployment_version(organization, deployment, "1", "main:handler", image)["version_id"]


def test_what_is_below_deployments(abeja: Platform) -> None:
    """Versions, services, endpoints, runs and triggers: those of one deployment, by name or id, or of all."""
    organization, look = abeja.organization.id, abeja.look
    channel = abeja.seed.channel("in")
    made: dict[str, list[str]] = {}
    for name in ("one", "two"):
        deployment, version = deployed(organization, name)
        service = ServicesAPI().create_service(organization, deployment, version)["service_id"]
        endpoint = EndpointsAPI().create_endpoint(organization, deployment, service, "main")["endpoint_id"]
        run = RunsAPI().create_run(organization, deployment, version)["run_id"]
        trigger = TriggersAPI().create_trigger(organization, deployment, version, "datalake", channel)["trigger_id"]
        made[name] = [deployment, version, service, endpoint, run, trigger]
    lists: dict[str, Callable[..., list[Any]]] = {
        "version_id": look.deployment_versions,
        "service_id": look.services,
        "endpoint_id": look.endpoints,
        "run_id": look.runs,
        "trigger_id": look.triggers,
    }
    for number, (field, show) in enumerate(lists.items(), 1):
        ids = [made[name][number] for name in made]
        assert [getattr(each, field) for each in show()] == ids
        assert [getattr(each, field) for each in show("two")] == ids[1:]
        assert [getattr(each, field) for each in show(made["one"][0])] == ids[:1]
    deployment, version, service, endpoint, run, trigger = made["two"]
    assert [each.name for each in look.deployments()] == ["one", "two"]
    assert look.deployment("two") == look.deployment(deployment)
    assert look.service(service).version_id == look.run(run).model_version_id == version
    assert look.trigger(trigger).input_service_id == channel
    assert look.endpoint("two", "main") == look.endpoint(deployment, endpoint)
    assert look.endpoint("two", "main").service_id == service


def test_logs(abeja: Platform) -> None:
    """Of services and runs: what was written, oldest first, whatever else is being written meanwhile."""
    organization = abeja.organization.id
    deployment, version = deployed(organization, "reader")
    service = ServicesAPI().create_service(organization, deployment, version)["service_id"]
    run = RunsAPI().create_run(organization, deployment, version)["run_id"]
    for kind, owner, show in ((SERVICE_LOG, service, abeja.look.service_log), (RUN_LOG, run, abeja.look.run_log)):
        with abeja.world.store.transaction():
            for message in ("one", "two"):
                Logs(abeja.world, kind).write(owner, message)
        assert [line.message for line in show(owner) if line.message in {"one", "two"}] == ["one", "two"]


def test_answers_to_asynchronous_requests(abeja: Platform) -> None:
    """With the bytes that a model answered with."""
    deployment, _ = deployed(abeja.organization.id, "reader")
    with abeja.world.store.transaction():
        found = Deployments(abeja.world).get(abeja.organization.id, deployment)
        Results(abeja.world).put(found, "r-1", status=200, headers={}, content_type="text/plain", body=b"a cat")
    assert [(each.request_id, each.status) for each in abeja.look.async_results("reader")] == [("r-1", 200)]
    assert abeja.look.async_content("reader", "r-1") == b"a cat"


def test_what_is_there_is_named(abeja: Platform) -> None:
    """Where something is not: the newest first, by id and name."""
    ids = [deployed(abeja.organization.id, name)[0] for name in ("one", "two")]
    with pytest.raises(NotFound, match=re.escape(f"{ids[1]} (two), {ids[0]} (one)")):
        abeja.look.deployment("three")
    with pytest.raises(NotFound, match="there is no service 'ser-1'; newest services: none"):
        abeja.look.service("ser-1")
