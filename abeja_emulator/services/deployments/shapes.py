"""What clients send of deployments and their versions, and what they are shown."""

from typing import Annotated, Any, Optional

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.paging import MOST


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
