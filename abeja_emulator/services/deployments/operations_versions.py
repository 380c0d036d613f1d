"""Operations on the versions of a deployment and their code (`abeja/deployments/api/client.py`)."""

from typing import Any

from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.deployments.named import deployment_of
from abeja_emulator.services.deployments.paths import DEPLOYMENT, SIGNED, VERSION, VERSIONS
from abeja_emulator.services.deployments.records import DeploymentVersion
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.shapes import (
    DeploymentVersionListView,
    DeploymentVersionView,
    DownloadUri,
    NewDeploymentVersion,
    NewVersionFromGit,
    NewVersionFromTemplate,
)
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.messages import Message
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Empty, Upload
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in

SOURCE = "abeja/deployments/api/client.py"
CLI = "abejacli/run.py"


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
    return {"entries": [versions.view(each) for each in versions.all(deployment_of(call))]}


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
    version = Versions(call.world).delete(deployment_of(call), call.path["version_id"])
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


def _new_version(call: Call[None, Any], **origin: Any) -> DeploymentVersion:
    body = call.body
    try:
        deployment = deployment_of(call)
    except NotFound as error:
        # 400, not 404: SDK docstring of create_deployment_version.
        raise BadRequest(error.description) from error
    return Versions(call.world).create(
        deployment,
        body.version,
        call.user_id,
        image=body.image,
        handler=body.handler,
        user_parameters=body.user_parameters,
        **origin,
    )


def _version(call: Call[Any, Any]) -> DeploymentVersion:
    return Deployments(call.world).version(deployment_of(call), call.path["version_id"])


OPERATIONS = operations_in(globals())
