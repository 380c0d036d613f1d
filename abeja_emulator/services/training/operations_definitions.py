"""Operations on job definitions (`abeja/training/api/client.py`)."""

from typing import Any

from abeja_emulator.services.messages import Message
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.named import definition_of
from abeja_emulator.services.training.paths import DEFINITION, DEFINITIONS
from abeja_emulator.services.training.shapes import (
    DefinitionList,
    DefinitionListView,
    DefinitionQuery,
    DefinitionView,
    NewDefinition,
)
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

SOURCE = "abeja/training/api/client.py"


@operation(
    "POST",
    DEFINITIONS,
    body=NewDefinition,
    answer=DefinitionView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_training_job_definition; that a taken name is a conflict is inferred",
)
def create_training_job_definition(call: Call[None, NewDefinition]) -> dict[str, Any]:
    """Create a job definition."""
    definitions = Definitions(call.world)
    return definitions.view(definitions.create(call.path["organization_id"], call.body.name))


@operation(
    "GET",
    DEFINITIONS,
    query=DefinitionList,
    answer=DefinitionListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definitions; abeja/training/common.py pages by total",
)
def get_training_job_definitions(call: Call[DefinitionList, None]) -> dict[str, Any]:
    """List job definitions."""
    definitions, organization, query = Definitions(call.world), call.path["organization_id"], call.query
    archived = query.filter_archived == "include_archived"
    found = definitions.select(organization, query.offset, query.limit, archived=archived)
    return {
        "entries": [definitions.view(definition) for definition in found],
        "total": definitions.count(organization, archived=archived),
        "offset": query.offset,
        "limit": query.limit,
    }


@operation(
    "GET",
    DEFINITION,
    query=DefinitionQuery,
    answer=DefinitionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definition",
)
def get_training_job_definition(call: Call[DefinitionQuery, None]) -> dict[str, Any]:
    """Return a job definition by name or id, with its jobs unless `include_jobs=false`."""
    definition = definition_of(call)
    shown = Definitions(call.world).view(definition)
    if call.query.include_jobs:
        jobs = Jobs(call.world)
        found, _ = jobs.select(definition, 0, -1, archived=False)
        shown["jobs"] = [jobs.view(job) for job in found]
    return shown


@operation(
    "DELETE",
    DEFINITION,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_training_job_definition",
)
def delete_training_job_definition(call: Call[None, None]) -> Message:
    """Delete a job definition with its versions, jobs, models and notebooks."""
    Jobs(call.world).delete_all(definition_of(call))
    name = call.path["job_definition_name"]
    definition = Definitions(call.world).delete(call.path["organization_id"], name)
    return Message(f"{definition.name} deleted")


@operation(
    "POST",
    DEFINITION + "/archive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_training_job_definition",
)
def archive_training_job_definition(call: Call[None, None]) -> Message:
    """Archive a job definition."""
    name = call.path["job_definition_name"]
    definition = Definitions(call.world).archive(call.path["organization_id"], name, archived=True)
    return Message(f"{definition.name} archived")


@operation(
    "POST",
    DEFINITION + "/unarchive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_training_job_definition",
)
def unarchive_training_job_definition(call: Call[None, None]) -> Message:
    """Take an archived job definition back."""
    name = call.path["job_definition_name"]
    definition = Definitions(call.world).archive(call.path["organization_id"], name, archived=False)
    return Message(f"{definition.name} unarchived")


OPERATIONS = operations_in(globals())
