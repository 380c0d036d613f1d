"""Operations on deployments (`abeja/opsbeellm/deployment/api/client.py`) and their threads (`…/history/…`)."""

from typing import Any

from abeja_emulator.services.messages import Message
from abeja_emulator.services.opsbeellm.deployments import OpsBeeDeployments
from abeja_emulator.services.opsbeellm.listing import shown
from abeja_emulator.services.opsbeellm.records import Thread
from abeja_emulator.services.opsbeellm.shapes import (
    Change,
    NewOpsBeeDeployment,
    NewThread,
    OpsBeeDeploymentListView,
    OpsBeeDeploymentView,
    PartQuery,
    ThreadListView,
)
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

DEPLOYMENTS = "/opsbee-llm/organizations/{organization_id}/deployments"
DEPLOYMENT = DEPLOYMENTS + "/{deployment_id}"
THREADS = DEPLOYMENT + "/threads"
THREAD = THREADS + "/{thread_id}"
SOURCE = "abeja/opsbeellm/deployment/api/client.py"
HISTORY_SOURCE = "abeja/opsbeellm/history/api/client.py"


@operation(
    "GET",
    DEPLOYMENTS,
    query=PartQuery,
    answer=OpsBeeDeploymentListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_deployments",
)
def get_opsbeellm_deployments(call: Call[PartQuery, None]) -> dict[str, Any]:
    """List deployments, newest first."""
    organization = call.path["organization_id"]
    part = OpsBeeDeployments(call.world).select(organization, call.query.offset, call.query.limit)
    return part.view("deployments", organization_id=organization)


@operation(
    "POST",
    DEPLOYMENTS,
    body=NewOpsBeeDeployment,
    answer=OpsBeeDeploymentView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_deployment",
)
def create_opsbeellm_deployment(call: Call[None, NewOpsBeeDeployment]) -> dict[str, Any]:
    """Create a deployment, a `qa` one with its one thread."""
    deployments, body = OpsBeeDeployments(call.world), call.body
    made = deployments.create(call.path["organization_id"], body.name, body.type, body.description or "")
    return deployments.view(made)


@operation(
    "GET",
    DEPLOYMENT,
    answer=OpsBeeDeploymentView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{HISTORY_SOURCE} reads the type before every call about histories",
)
def get_opsbeellm_deployment(call: Call[None, None]) -> dict[str, Any]:
    """Return a deployment with its number of histories."""
    deployments = OpsBeeDeployments(call.world)
    return deployments.view(deployments.get(call.path["organization_id"], call.path["deployment_id"]))


@operation(
    "PATCH",
    DEPLOYMENT,
    body=Change,
    answer=OpsBeeDeploymentView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_deployment",
)
def update_opsbeellm_deployment(call: Call[None, Change]) -> dict[str, Any]:
    """Change the name and the description of a deployment."""
    deployments, path, body = OpsBeeDeployments(call.world), call.path, call.body
    changed = deployments.update(path["organization_id"], path["deployment_id"], body.name, body.description)
    return deployments.view(changed)


@operation(
    "DELETE",
    DEPLOYMENT,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_deployment",
)
def delete_opsbeellm_deployment(call: Call[None, None]) -> dict[str, Any]:
    """Delete a deployment with its threads and histories."""
    deployment = call.path["deployment_id"]
    OpsBeeDeployments(call.world).delete(call.path["organization_id"], deployment)
    return {"message": f"deployment {deployment} was deleted."}


@operation(
    "GET",
    THREADS,
    query=PartQuery,
    answer=ThreadListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{HISTORY_SOURCE} get_threads",
)
def get_threads(call: Call[PartQuery, None]) -> dict[str, Any]:
    """List the threads of a deployment, newest first."""
    organization, deployment = call.path["organization_id"], call.path["deployment_id"]
    part = OpsBeeDeployments(call.world).threads(organization, deployment, call.query.offset, call.query.limit)
    return part.view("threads", organization_id=organization, deployment_id=deployment, total=part.total)


@operation(
    "POST",
    THREADS,
    body=NewThread,
    answer=Thread,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{HISTORY_SOURCE} create_thread",
)
def create_thread(call: Call[None, NewThread]) -> dict[str, Any]:
    """Create a thread of a `chat` deployment."""
    deployments, path, body = OpsBeeDeployments(call.world), call.path, call.body
    return shown(
        deployments.create_thread(path["organization_id"], path["deployment_id"], body.name, body.description or "")
    )


@operation(
    "GET",
    THREAD,
    answer=Thread,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{HISTORY_SOURCE} get_thread",
)
def get_thread(call: Call[None, None]) -> dict[str, Any]:
    """Return a thread."""
    path = call.path
    return shown(
        OpsBeeDeployments(call.world).thread(path["organization_id"], path["deployment_id"], path["thread_id"])
    )


@operation(
    "PATCH",
    THREAD,
    body=Change,
    answer=Thread,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{HISTORY_SOURCE} update_thread",
)
def update_thread(call: Call[None, Change]) -> dict[str, Any]:
    """Change the name and the description of a thread; its histories show the new name."""
    path, body = call.path, call.body
    changed = OpsBeeDeployments(call.world).update_thread(
        path["organization_id"], path["deployment_id"], path["thread_id"], body.name, body.description
    )
    return shown(changed)


@operation(
    "DELETE",
    THREAD,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{HISTORY_SOURCE} delete_thread",
)
def delete_thread(call: Call[None, None]) -> dict[str, Any]:
    """Delete a thread of a `chat` deployment with its histories."""
    path = call.path
    OpsBeeDeployments(call.world).delete_thread(path["organization_id"], path["deployment_id"], path["thread_id"])
    return {"message": f"thread {path['thread_id']} was deleted."}


OPERATIONS = operations_in(globals())
