"""What is kept of deployments and the versions of their code."""

from typing import Optional

import msgspec

from abeja_emulator.services.from_git import FromGit


class Deployment(msgspec.Struct, kw_only=True):
    """A deployment; `default_environment` lies under the variables of each of its services."""

    organization_id: str
    deployment_id: str
    name: str
    description: Optional[str] = None
    default_environment: dict[str, str]
    model_id: Optional[str] = None
    creator_id: str
    created_at: str
    modified_at: str


class DeploymentVersion(FromGit, kw_only=True):
    """A version of a deployment's code; `source` is the digest of what was uploaded, empty until something was.

    Nobody uploads the code of one that has a `git_url` or a `template_id`.
    """

    deployment_id: str
    version_id: str
    version: str
    handler: str
    image: str
    user_parameters: dict[str, str]
    git_url: Optional[str] = None
    git_branch: Optional[str] = None
    template_id: Optional[int] = None
    source: str = ""
    source_size: int = 0
    creator_id: str
    created_at: str
    modified_at: str

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        return f"version {self.version!r} ({self.version_id}) of deployment {self.deployment_id}"
