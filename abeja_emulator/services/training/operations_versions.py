"""Operations on the versions of a job definition (`abeja/training/api/client.py`)."""

from typing import Any

import msgspec

from abeja_emulator.services.messages import Message
from abeja_emulator.services.training.definitions import Definitions, version_view
from abeja_emulator.services.training.named import definition_of
from abeja_emulator.services.training.paths import DEFINITION, VERSION, VERSIONS
from abeja_emulator.services.training.shapes import (
    NewDescription,
    NewGitVersion,
    NewVersion,
    SourceView,
    VersionList,
    VersionListView,
    VersionView,
)
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Form, Multipart
from abeja_emulator.wire.operations import Evidence, operation, operations_in

SOURCE = "abeja/training/api/client.py"


@operation(
    "POST",
    VERSIONS,
    body=Multipart("source_code", NewVersion, encoded="source_code_base64"),
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} create_training_job_definition_version; abejacli training create-version; that the name of a "
    "variable is checked is inferred, and so is the default image",
)
def create_training_job_definition_version(call: Call[None, Form]) -> dict[str, Any]:
    """Create a version from a source archive, zip or tar.gz whatever its part is labelled."""
    parameters: NewVersion = call.body.parameters
    version = Definitions(call.world).create_version(
        definition_of(call),
        call.body.file,
        handler=parameters.handler,
        image=parameters.image,
        environment=parameters.environment or parameters.user_parameters,
        datasets=parameters.datasets,
        description=parameters.description,
    )
    return version_view(version)


@operation(
    "POST",
    DEFINITION + "/git/versions",
    body=NewGitVersion,
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source="abejacli training create-version-from-git, whose help text says https and master; that the version shows "
    "where it comes from is inferred",
)
def create_training_version_from_git(call: Call[None, NewGitVersion]) -> dict[str, Any]:
    """Create a version that comes from a git repository, which is not fetched."""
    body = call.body
    version = Definitions(call.world).create_version(
        definition_of(call),
        None,
        handler=body.handler,
        image=body.image,
        environment=body.environment,
        datasets=body.datasets,
        description=body.description,
        git_url=body.git_url,
        git_branch=body.git_branch,
    )
    return version_view(version)


@operation(
    "GET",
    VERSIONS,
    query=VersionList,
    answer=VersionListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definition_versions",
)
def get_training_job_definition_versions(call: Call[VersionList, None]) -> dict[str, Any]:
    """List the versions of a job definition."""
    archived = call.query.filter_archived == "include_archived"
    found = Definitions(call.world).versions(definition_of(call), archived=archived)
    return {"entries": [version_view(version) for version in found]}


@operation(
    "GET",
    VERSION,
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definition_version",
)
def get_training_job_definition_version(call: Call[None, None]) -> dict[str, Any]:
    """Return a version."""
    return version_view(Definitions(call.world).version(definition_of(call), call.path["version_id"]))


@operation(
    "PATCH",
    VERSION,
    body=NewDescription,
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} patch_training_job_definition_version",
)
def patch_training_job_definition_version(call: Call[None, NewDescription]) -> dict[str, Any]:
    """Change the description of a version."""
    definitions, definition, number = Definitions(call.world), definition_of(call), call.path["version_id"]
    if call.body.description is msgspec.UNSET:
        return version_view(definitions.version(definition, number))
    return version_view(definitions.describe_version(definition, number, call.body.description))


@operation(
    "DELETE",
    VERSION,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_training_job_definition_version",
)
def delete_training_job_definition_version(call: Call[None, None]) -> Message:
    """Delete a version."""
    Definitions(call.world).delete_version(definition_of(call), call.path["version_id"])
    return Message("deleted")


@operation(
    "POST",
    VERSION + "/archive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_training_job_definition_version",
)
def archive_training_job_definition_version(call: Call[None, None]) -> Message:
    """Archive a version."""
    Definitions(call.world).archive_version(definition_of(call), call.path["version_id"], archived=True)
    return Message("archived")


@operation(
    "POST",
    VERSION + "/unarchive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_training_job_definition_version",
)
def unarchive_training_job_definition_version(call: Call[None, None]) -> Message:
    """Take an archived version back."""
    Definitions(call.world).archive_version(definition_of(call), call.path["version_id"], archived=False)
    return Message("unarchived")


@operation(
    "GET",
    VERSION + "/source",
    answer=SourceView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source="runner cmd/training/process_download.go",
)
def get_training_job_definition_version_source(call: Call[None, None]) -> SourceView:
    """Return a signed URL to the source archive of a version."""
    url = Definitions(call.world).source_url(definition_of(call), call.path["version_id"], call.origin)
    return SourceView(url)


OPERATIONS = operations_in(globals())
