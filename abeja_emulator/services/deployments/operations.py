"""Operations on deployments and code versions (`abeja/deployments/api/client.py`)."""

from typing import Annotated, Any, Optional

import msgspec

from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.messages import Message
from abeja_emulator.services.models.legacy import Models
from abeja_emulator.services.paging import MOST
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Empty, Upload
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in

COLLECTION = "/organizations/{organization_id}/deployments"
DEPLOYMENT = COLLECTION + "/{deployment_id}"
VERSIONS = DEPLOYMENT + "/versions"
VERSION = VERSIONS + "/{version_id}"
SIGNED = "/_signed/deployments/{deployment_id}/{version_id}/source.tgz"
SOURCE = "abeja/deployments/api/client.py"
CLI = "abejacli/run.py"


class NewDeployment(msgspec.Struct):
    """A deployment to create."""

    name: str
    description: Optional[Description] = None
    default_environment: Optional[dict[str, Any]] = None


class ChangedDeployment(msgspec.Struct):
    """What a deployment is to be like."""

    name: str
    default_environment: Optional[dict[str, Any]] = None


class DeploymentView(msgspec.Struct):
    """A deployment, as the API shows it; its arrays name what is below it."""

    deployment_id: str
    name: str
    description: Optional[str]
    default_environment: dict[str, str]
    codes: list[dict[str, str]]
    runs: list[dict[str, str]]
    services: list[dict[str, str]]
    triggers: list[dict[str, str]]
    endpoints: list[dict[str, str]]
    daemons: list[dict[str, str]]
    model_id: Optional[str]
    creator: Optional[dict[str, Any]]
    created_at: str
    modified_at: str


class DeploymentListView(msgspec.Struct):
    """All deployments of an organization."""

    entries: list[DeploymentView]


class NewDeploymentVersion(msgspec.Struct):
    """A version to create, whose code is uploaded afterwards."""

    version: str
    image: str
    handler: Optional[str] = None
    user_parameters: Optional[dict[str, Any]] = None


class NewVersionFromGit(NewDeploymentVersion, kw_only=True):
    """A version whose code is in a repository."""

    git_url: str
    git_branch: Optional[str] = None


class NewVersionFromTemplate(NewDeploymentVersion, kw_only=True):
    """A version whose code is that of a template."""

    template_id: Annotated[int, msgspec.Meta(ge=1, le=MOST)]


class DeploymentVersionView(msgspec.Struct, omit_defaults=True):
    """A version, as the API shows it; `upload_url` only where its code is still to come."""

    deployment_id: str
    version: str
    version_id: str
    handler: str
    image: str
    user_parameters: dict[str, str]
    description: Optional[str]
    training_job_id: Optional[str]
    job_definition_id: Optional[str]
    job_definition_version: Optional[str]
    model_id: Optional[str]
    creator: Optional[dict[str, Any]]
    created_at: str
    modified_at: str
    upload_url: Optional[str] = None


class DeploymentVersionListView(msgspec.Struct):
    """All versions of a deployment."""

    entries: list[DeploymentVersionView]


class DownloadUri(msgspec.Struct):
    """Where to get something without a credential."""

    download_uri: str


@operation(
    "POST",
    COLLECTION,
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
    COLLECTION,
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
    return Deployments(call.world).view(_deployment(call))


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
    return deployments.view(deployments.change(_deployment(call), body.name, body.default_environment))


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


@operation(
    "POST",
    VERSIONS,
    body=NewDeploymentVersion,
    answer=DeploymentVersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} create_deployment_version; {CLI} puts the code to upload_url",
)
def create_deployment_version(call: Call[None, NewDeploymentVersion]) -> dict[str, Any]:
    """Create a version and return a signed URL to PUT its code to; an unknown deployment is refused with 400."""
    versions = Versions(call.world)
    version = _new_version(call)
    return {**versions.view(version), "upload_url": versions.upload_url(version, call.origin)}


@operation(
    "POST",
    DEPLOYMENT + "/git/versions",
    body=NewVersionFromGit,
    answer=DeploymentVersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{CLI} create-deployment-version-from-git; that an unknown deployment is refused like that of any new "
    "version is inferred",
)
def create_deployment_version_from_git(call: Call[None, NewVersionFromGit]) -> dict[str, Any]:
    """Create a version whose code is in a repository; the repository is noted and not fetched."""
    body = call.body
    return Versions(call.world).view(_new_version(call, git_url=body.git_url, git_branch=body.git_branch))


@operation(
    "POST",
    DEPLOYMENT + "/code_templates",
    body=NewVersionFromTemplate,
    answer=DeploymentVersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_deployment_from_template; that any template_id is taken is inferred: nothing lists them",
)
def create_deployment_from_template(call: Call[None, NewVersionFromTemplate]) -> dict[str, Any]:
    """Create a version whose code is that of a template; the template is noted, its code is not here."""
    return Versions(call.world).view(_new_version(call, template_id=call.body.template_id))


@operation(
    "GET",
    VERSIONS,
    answer=DeploymentVersionListView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_deployment_versions",
)
def get_deployment_versions(call: Call[None, None]) -> dict[str, Any]:
    """List the versions of a deployment, in order of creation, without pages."""
    versions = Versions(call.world)
    return {"entries": [versions.view(each) for each in versions.all(_deployment(call))]}


@operation(
    "GET",
    VERSION,
    answer=DeploymentVersionView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_deployment_version",
)
def get_deployment_version(call: Call[None, None]) -> dict[str, Any]:
    """Return a version."""
    return Versions(call.world).view(_version(call))


@operation(
    "DELETE",
    VERSION,
    answer=Message,
    errors=(401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_deployment_version; that a version in use is refused is inferred",
)
def delete_deployment_version(call: Call[None, None]) -> Message:
    """Delete a version with its code; one that a service or a trigger uses is refused with 409."""
    version = Versions(call.world).delete(_deployment(call), call.path["version_id"])
    return Message(f"{version.version_id} deleted")


@operation(
    "GET",
    VERSION + "/download",
    answer=DownloadUri,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{CLI} download-deployment-version; runner preprocess/preprocessor.go",
)
def download_deployment_version(call: Call[None, None]) -> DownloadUri:
    """Return a signed URL to the code of a version."""
    return DownloadUri(Versions(call.world).download_url(_version(call), call.origin))


@operation(
    "PUT",
    SIGNED,
    body=Upload,
    answer=Empty,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source=f"{CLI} create-deployment-version",
)
def upload_deployment_source(call: Call[None, Upload]) -> Empty:
    """Take the code of a version, in the place of what it may have."""
    Versions(call.world).receive(call.path["deployment_id"], call.path["version_id"], call.body)
    return Empty()


@operation(
    "GET",
    SIGNED,
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source=f"{CLI} download-deployment-version; runner preprocess/preprocessor.go",
)
def download_deployment_source(call: Call[None, None]) -> Download:
    """Return the code of a version, as it was uploaded."""
    return Versions(call.world).source(call.path["deployment_id"], call.path["version_id"])


def _created(call: Call[None, NewDeployment], model_id: Optional[str] = None) -> dict[str, Any]:
    deployments, body = Deployments(call.world), call.body
    deployment = deployments.create(
        call.path["organization_id"],
        body.name,
        _caller(call),
        description=body.description,
        default_environment=body.default_environment,
        model_id=model_id,
    )
    return deployments.view(deployment)


def _new_version(call: Call[None, Any], **origin: Any) -> DeploymentVersion:
    body = call.body
    try:
        deployment = _deployment(call)
    except NotFound as error:
        # 400, not 404: SDK docstring of create_deployment_version.
        raise BadRequest(error.description) from error
    return Versions(call.world).create(
        deployment,
        body.version,
        _caller(call),
        image=body.image,
        handler=body.handler,
        user_parameters=body.user_parameters,
        **origin,
    )


def _deployment(call: Call[Any, Any]) -> Deployment:
    return Deployments(call.world).get(call.path["organization_id"], call.path["deployment_id"])


def _version(call: Call[Any, Any]) -> DeploymentVersion:
    return Deployments(call.world).version(_deployment(call), call.path["version_id"])


def _caller(call: Call[Any, Any]) -> str:
    return call.caller.user_id if call.caller else ""


OPERATIONS = operations_in(globals())
