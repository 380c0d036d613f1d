"""Operations on deployments (`abeja/deployments/api/client.py`)."""

from typing import Any, Optional

from abeja_emulator.services.deployments.named import deployment_of
from abeja_emulator.services.deployments.paths import DEPLOYMENT, DEPLOYMENTS
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.shapes import (
    ChangedDeployment,
    DeploymentListView,
    DeploymentView,
    NewDeployment,
)
from abeja_emulator.services.messages import Message
from abeja_emulator.services.models.legacy import Models
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

SOURCE = "abeja/deployments/api/client.py"
CLI = "abejacli/run.py"


@operation(
    "POST",
    DEPLOYMENTS,
    body=NewDeployment,
    answer=DeploymentView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_deployment; what the arrays of the answer hold is inferred",
)
def create_deployment(call: Call[None, NewDeployment]) -> dict[str, Any]:
    """Create a deployment; a name that exists is refused with 400."""
    return _created(call)


@operation(
    "POST",
    "/organizations/{organization_id}/models/{model_id}/deployments",
    body=NewDeployment,
    answer=DeploymentView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_deployment of SDK 1.0.4 and before, with a model_id",
)
def create_model_deployment(call: Call[None, NewDeployment]) -> dict[str, Any]:
    """Create a deployment of a model, as SDK 1.0.4 and before do."""
    model = Models(call.world).get(call.path["organization_id"], call.path["model_id"])
    return _created(call, model.model_id)


@operation(
    "GET",
    DEPLOYMENTS,
    answer=DeploymentListView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_deployments",
)
def get_deployments(call: Call[None, None]) -> dict[str, Any]:
    """List the deployments of an organization, in order of creation, without pages."""
    deployments = Deployments(call.world)
    return {"entries": [deployments.view(each) for each in deployments.all(call.path["organization_id"])]}


@operation(
    "GET",
    DEPLOYMENT,
    answer=DeploymentView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_deployment; {CLI} create-deployment-version reads the name",
)
def get_deployment(call: Call[None, None]) -> dict[str, Any]:
    """Return a deployment, and the ids of what is below it."""
    return Deployments(call.world).view(deployment_of(call))


@operation(
    "PATCH",
    DEPLOYMENT,
    body=ChangedDeployment,
    answer=DeploymentView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} patch_deployment; that variables which are not given stay is inferred",
)
def patch_deployment(call: Call[None, ChangedDeployment]) -> dict[str, Any]:
    """Rename a deployment, and put other default variables in the place of its own when some are given."""
    deployments, body = Deployments(call.world), call.body
    return deployments.view(deployments.change(deployment_of(call), body.name, body.default_environment))


@operation(
    "DELETE",
    DEPLOYMENT,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} delete_deployment; the CLI's own tests look for the id in the message; that all below it goes "
    "with it is inferred",
)
def delete_deployment(call: Call[None, None]) -> Message:
    """Delete a deployment with its versions and their code, services, endpoints, runs and triggers."""
    deployment = Deployments(call.world).delete(call.path["organization_id"], call.path["deployment_id"])
    return Message(f"{deployment.deployment_id} deleted")


def _created(call: Call[None, NewDeployment], model_id: Optional[str] = None) -> dict[str, Any]:
    deployments, body = Deployments(call.world), call.body
    deployment = deployments.create(
        call.path["organization_id"],
        body.name,
        call.user_id,
        description=body.description,
        default_environment=body.default_environment,
        model_id=model_id,
    )
    return deployments.view(deployment)


OPERATIONS = operations_in(globals())
