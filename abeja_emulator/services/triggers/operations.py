"""Operations on triggers (`abeja/triggers/api/client.py`)."""

from typing import Any, Optional

import msgspec

from abeja_emulator.services.deployments.named import deployment_of
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.messages import Message
from abeja_emulator.services.runs.records import RunView
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.triggers.rules import Triggers
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

COLLECTION = "/organizations/{organization_id}/deployments/{deployment_id}/triggers"
TRIGGER = COLLECTION + "/{trigger_id}"
SOURCE = "abeja/triggers/api/client.py"


class NewTrigger(msgspec.Struct):
    """A trigger to create."""

    version_id: str
    input_service_name: str
    input_service_id: str
    output_service_name: Optional[str] = None
    output_service_id: Optional[str] = None
    models: Optional[dict[str, Any]] = None
    environment: Optional[dict[str, Any]] = None
    retry_count: Optional[int] = None
    distribution: Optional[int] = None


class TriggerView(msgspec.Struct):
    """A trigger, as the API shows it; what was not given is null."""

    trigger_id: str
    organization_id: str
    deployment_id: str
    models: dict[str, str]
    model_version: str
    model_version_id: str
    input_service_name: str
    input_service_id: str
    output_service_name: Optional[str]
    output_service_id: Optional[str]
    retry_count: int
    distribution: Optional[int]
    user_env_vars: dict[str, str]
    created_at: str
    modified_at: str


class TriggerListView(msgspec.Struct):
    """All triggers of a deployment."""

    entries: list[TriggerView]


class TriggerRunList(msgspec.Struct):
    """Which runs of a trigger to list; `scan_forward` is the oldest first."""

    next_page_token: Optional[str] = None
    scan_forward: Optional[bool] = None


class TriggerRunView(RunView):
    """A run, as its trigger shows it."""

    trigger_id: str


class TriggerRunListView(msgspec.Struct):
    """A page of the runs of a trigger; the last one has no token."""

    entries: list[TriggerRunView]
    next_page_token: Optional[str]


@operation(
    "POST",
    COLLECTION,
    body=NewTrigger,
    answer=TriggerView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_trigger; abejacli/run.py create-trigger",
)
def create_trigger(call: Call[None, NewTrigger]) -> dict[str, Any]:
    """Create a trigger: from now on every file that comes into a channel is a run of a version of the code."""
    deployment, body, triggers = deployment_of(call), call.body, Triggers(call.world)
    trigger = triggers.create(
        deployment,
        Deployments(call.world).version(deployment, body.version_id),
        call.user_id,
        input_service_name=body.input_service_name,
        input_service_id=body.input_service_id,
        output_service_name=body.output_service_name,
        output_service_id=body.output_service_id,
        models=body.models,
        environment=body.environment,
        retry_count=body.retry_count,
        distribution=body.distribution,
    )
    return triggers.view(trigger)


@operation(
    "GET",
    COLLECTION,
    answer=TriggerListView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_triggers",
)
def get_triggers(call: Call[None, None]) -> dict[str, Any]:
    """List the triggers of a deployment in order of creation."""
    triggers = Triggers(call.world)
    return {"entries": [triggers.view(trigger) for trigger in triggers.all(deployment_of(call).deployment_id)]}


@operation(
    "GET",
    TRIGGER,
    answer=TriggerView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_trigger",
)
def get_trigger(call: Call[None, None]) -> dict[str, Any]:
    """Return a trigger."""
    triggers = Triggers(call.world)
    return triggers.view(triggers.get(deployment_of(call).deployment_id, call.path["trigger_id"]))


@operation(
    "DELETE",
    TRIGGER,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_trigger; that the runs it made stay is inferred",
)
def delete_trigger(call: Call[None, None]) -> Message:
    """Delete a trigger; the runs it made stay."""
    trigger = Triggers(call.world).delete(deployment_of(call).deployment_id, call.path["trigger_id"])
    return Message(f"{trigger.trigger_id} deleted")


@operation(
    "GET",
    TRIGGER + "/runs",
    query=TriggerRunList,
    answer=TriggerRunListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_trigger_runs",
)
def get_trigger_runs(call: Call[TriggerRunList, None]) -> dict[str, Any]:
    """Return a page of the runs a trigger made, newest first unless `scan_forward` says otherwise."""
    runs, query, deployment_id = Runs(call.world), call.query, deployment_of(call).deployment_id
    trigger_id = Triggers(call.world).get(deployment_id, call.path["trigger_id"]).trigger_id
    found, token = runs.page(deployment_id, query.next_page_token, forward=query.scan_forward, trigger_id=trigger_id)
    shown = [{**runs.view(run), "trigger_id": trigger_id} for run in found]
    return {"entries": shown, "next_page_token": token}


OPERATIONS = operations_in(globals())
