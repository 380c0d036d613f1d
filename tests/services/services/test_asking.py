"""Asking a service, and a deployment by its endpoint `default`: the answer is that of whoever runs model code."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.endpoints import APIClient as EndpointsAPI
from abeja.exceptions import BadRequest as SDKBadRequest

from abeja_emulator.errors import BadRequest, Conflict
from abeja_emulator.services.services.records import Service
from abeja_emulator.services.services.rules import Services
from abeja_emulator.wire.messages import Request, Response
from tests.services.wire import bare, check_refusal

if TYPE_CHECKING:
    from abeja.services import APIClient

    from abeja_emulator.platform import Platform
    from tests.services.wire import Wire

JSON = "application/json"


class Echo:
    """Answers with what it was asked, and notes it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, bytes]] = []

    def __call__(self, service_id: str, request: Request) -> Response:
        """Answer."""
        body = request.read()
        self.asked.append((service_id, request.method, request.target, body))
        return Response(
            203, [("Content-Type", "text/x-echo"), ("X-Of", service_id), ("Content-Length", str(len(body)))], body
        )


@pytest.fixture
def echo(platform: Platform) -> Echo:
    """Somebody who answers for every service."""
    echo = platform.world.attendants.serving = Echo()
    return echo


@pytest.fixture
def host(organization: str) -> str:
    """Where the organization's services are."""
    return f"https://{organization}.api.abeja.io"


class TestService:
    """`POST /deployments/<id>/services/<id>`."""

    def test_answer_is_the_models_own(
        self, api: APIClient, organization: str, deployment: str, service: dict[str, Any], echo: Echo
    ) -> None:
        """Status, headers and body come through the SDK as they were made, and so does the request."""
        answer = api.request_service(organization, deployment, service["service_id"], json={"x": 1})
        assert (answer.status_code, answer.headers["X-Of"]) == (203, service["service_id"])
        assert answer.json() == {"x": 1}
        ((service_id, method, _, body),) = echo.asked
        assert (service_id, method, body) == (service["service_id"], "POST", answer.content)

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    def test_every_method_arrives(
        self, platform: Platform, host: str, wire: Wire, service: dict[str, Any], echo: Echo, method: str
    ) -> None:
        """With its query; what a model does not take is for whoever answers to refuse."""
        path = f"/deployments/{service['deployment_id']}/services/{service['service_id']}"
        assert bare(method, f"{host}{path}?a=b%2Fc", auth=wire.credential).status_code == 203
        assert echo.asked == [(service["service_id"], method, f"{path}?a=b%2Fc", b"")]
        assert platform.journal[-1].operation == "request_service"

    def test_state_is_free_meanwhile(self, platform: Platform, host: str, wire: Wire, service: dict[str, Any]) -> None:
        """A model may call the platform, from other threads too, while it is asked."""
        answers = []

        def serving(service_id: str, request: Request) -> Response:
            thread = threading.Thread(target=lambda: answers.append(wire("PATCH", "/users/me/none")))
            create = threading.Thread(
                target=lambda: answers.append(wire("POST", "/organizations/{org}/channels", json={}))
            )
            for each in (thread, create):
                each.start()
                each.join(10)
            return Response(200, [("Content-Length", "0")])

        platform.world.attendants.serving = serving
        path = f"/deployments/{service['deployment_id']}/services/{service['service_id']}"
        assert bare("POST", host + path, auth=wire.credential).status_code == 200
        assert [each.status_code for each in answers] == [404, 200]

    def test_refusal_of_whoever_answers(
        self, platform: Platform, host: str, wire: Wire, service: dict[str, Any]
    ) -> None:
        """An error of the platform's own is answered as any other."""

        def serving(service_id: str, request: Request) -> Response:
            message = "too early"
            raise Conflict(message)

        platform.world.attendants.serving = serving
        path = f"/deployments/{service['deployment_id']}/services/{service['service_id']}"
        answer = bare("POST", host + path, auth=wire.credential)
        assert (answer.status_code, answer.json()["error_description"]) == (409, "too early")

    def test_unknown(self, host: str, wire: Wire, service: dict[str, Any], echo: Echo) -> None:
        """A service or deployment that is not there is 404, and nobody is asked."""
        for path in ("/deployments/1999999999999", f"/deployments/{service['deployment_id']}"):
            refused = bare("POST", f"{host}{path}/services/ser-0", auth=wire.credential)
            check_refusal(refused, 404, path.rpartition("/")[2] if "1999" in path else "ser-0")
        assert echo.asked == []

    def test_nobody_runs_models(self, host: str, wire: Wire, service: dict[str, Any]) -> None:
        """A bare Platform says so with a 501, which no client sends again."""
        path = f"/deployments/{service['deployment_id']}/services/{service['service_id']}"
        check_refusal(bare("POST", host + path, auth=wire.credential), 501, service["service_id"], "--abeja-emulate")


class TestDeployment:
    """`POST /deployments/<id>`."""

    def test_default_endpoint_answers(
        self, organization: str, host: str, wire: Wire, api: APIClient, service: dict[str, Any], echo: Echo
    ) -> None:
        """The service it leads to is asked, and another from the moment it leads there."""
        deployment = service["deployment_id"]
        endpoints = EndpointsAPI()
        other = api.create_service(organization, deployment, service["model_version_id"])["service_id"]
        endpoint = endpoints.create_endpoint(organization, deployment, service["service_id"], "default")["endpoint_id"]
        bare("POST", f"{host}/deployments/{deployment}", auth=wire.credential)
        endpoints.update_endpoint(organization, deployment, endpoint, other)
        bare("POST", f"{host}/deployments/{deployment}", auth=wire.credential)
        assert [each[0] for each in echo.asked] == [service["service_id"], other]

    def test_without_one(self, organization: str, host: str, wire: Wire, service: dict[str, Any], echo: Echo) -> None:
        """An endpoint of another alias does not stand for it."""
        deployment = service["deployment_id"]
        EndpointsAPI().create_endpoint(organization, deployment, service["service_id"], "canary")
        check_refusal(bare("POST", f"{host}/deployments/{deployment}", auth=wire.credential), 404, "default", "reader")
        assert echo.asked == []


@pytest.mark.usefixtures("echo")
class TestWhoeverRuns:
    """What somebody who runs model code sees and says."""

    def test_starting_service_is_left_to_them(
        self, platform: Platform, api: APIClient, organization: str, service: dict[str, Any]
    ) -> None:
        """A look does not make it ready; they do, or say why it failed, and its log has that."""
        where = (organization, service["deployment_id"], service["service_id"])
        assert api.get_service(*where)["status"] == "IN_PROGRESS"
        services = Services(platform.world)
        with platform.world.store.transaction():
            services.move(services.find(service["service_id"]), "READY", "two instances")
        assert api.get_service(*where)["status"] == "READY"
        with platform.world.store.transaction():
            services.move(services.find(service["service_id"]), "FAILED", "no module named main")
        assert api.get_service(*where)["status"] == "FAILED"
        lines = [event["message"] for event in api.get_service_recent_logs(*where)["events"]]
        assert lines[:2] == ["no module named main", "two instances"]

    def test_one_that_failed(
        self, platform: Platform, api: APIClient, organization: str, service: dict[str, Any]
    ) -> None:
        """It is not running, so it cannot be stopped; it can be started again."""
        where = (organization, service["deployment_id"], service["service_id"])
        services = Services(platform.world)
        with platform.world.store.transaction():
            services.move(services.find(service["service_id"]), "FAILED")
        with pytest.raises(SDKBadRequest, match="FAILED"):
            api.stop_service(*where)
        api.start_service(*where)
        assert api.get_service(*where)["status"] == "IN_PROGRESS"

    def test_one_that_was_stopped_meanwhile(
        self, platform: Platform, api: APIClient, organization: str, service: dict[str, Any]
    ) -> None:
        """It becomes neither ready nor failed by what is on its way; no other status is theirs to give."""
        api.stop_service(organization, service["deployment_id"], service["service_id"])
        services = Services(platform.world)
        with platform.world.store.transaction():
            stopped = services.find(service["service_id"])
            for status in ("READY", "FAILED", "IN_PROGRESS"):
                with pytest.raises(Conflict, match="STOPPED"):
                    services.move(stopped, status)
            with pytest.raises(BadRequest, match="DELETED"):
                services.move(stopped, "DELETED")

    def test_deleted_with_its_deployment(
        self, platform: Platform, api: APIClient, organization: str, deployment: str, version: str
    ) -> None:
        """They are told of each service that is gone, whichever way."""
        told: list[tuple[str, str]] = []
        first, second = (api.create_service(organization, deployment, version)["service_id"] for _ in range(2))

        def listen(record: object) -> None:
            if isinstance(record, Service):
                told.append((record.service_id, record.status))

        platform.world.listeners.append(listen)
        api.delete_service(organization, deployment, first)
        DeploymentsAPI().delete_deployment(organization, deployment)
        assert told == [(first, "DELETED"), (second, "DELETED")]
