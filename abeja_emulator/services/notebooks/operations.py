"""Operations on notebooks (`abeja/notebook/api/client.py`)."""

from typing import Any, Literal, Optional

import msgspec

from abeja_emulator.services.logs.pages import NOTEBOOK_LOG, Logs
from abeja_emulator.services.logs.shapes import RecentLogView
from abeja_emulator.services.messages import Message
from abeja_emulator.services.notebooks.records import Notebook
from abeja_emulator.services.notebooks.rules import Notebooks
from abeja_emulator.services.paging import Limit, Offset
from abeja_emulator.services.times import millisecond
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.records import JobDefinition
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

NOTEBOOKS = "/organizations/{organization_id}/training/definitions/{job_definition_name}/notebooks"
NOTEBOOK = NOTEBOOKS + "/{notebook_id}"
SOURCE = "abeja/notebook/api/client.py"


class NotebookSettings(msgspec.Struct):
    """What a notebook runs on and with; what is not named is the default, or stays as it is."""

    instance_type: Optional[str] = None
    image: Optional[str] = None
    notebook_type: Optional[str] = None


class NotebookStart(msgspec.Struct):
    """As what a notebook is started; as what it was before where nothing is named."""

    notebook_type: Optional[str] = None


class NotebookList(msgspec.Struct):
    """Which notebooks to list."""

    offset: Offset = 0
    limit: Limit = 10


class NotebookView(msgspec.Struct):
    """A notebook, as the API shows it."""

    id: str
    training_notebook_id: str
    job_definition_id: str
    name: str
    description: Optional[str]
    status: Literal["Pending", "Active", "Stopped"]
    status_message: Optional[str]
    instance_type: str
    image: str
    notebook_type: Literal["notebook", "lab"]
    creator: Optional[dict[str, Any]]
    created_at: str
    modified_at: str


class NotebookListView(msgspec.Struct):
    """Notebooks and how many there are."""

    entries: list[NotebookView]
    total: int
    offset: int
    limit: int


class NotebookLogPage(msgspec.Struct):
    """Which lines of a log: those behind one of the tokens, or the newest."""

    next_forward_token: Optional[str] = None
    next_backward_token: Optional[str] = None


@operation(
    "POST",
    NOTEBOOKS,
    body=NotebookSettings,
    answer=NotebookView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_notebook; abejacli training create-notebook says the defaults of types; the default "
    "image, and that an archived definition is refused, are inferred",
)
def create_notebook(call: Call[None, NotebookSettings]) -> dict[str, Any]:
    """Create a notebook and start it; it is Pending."""
    notebooks, body = Notebooks(call.world), call.body
    notebook = notebooks.create(
        _definition(call),
        call.user_id,
        instance_type=body.instance_type,
        image=body.image,
        notebook_type=body.notebook_type,
    )
    return notebooks.view(notebook)


@operation(
    "GET",
    NOTEBOOKS,
    query=NotebookList,
    answer=NotebookListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_notebooks, whose answer has the limit 10; that it can be asked for, and that the newest is "
    "first, is inferred from the list of jobs",
)
def get_notebooks(call: Call[NotebookList, None]) -> dict[str, Any]:
    """List the notebooks of a job definition, newest first."""
    notebooks, query = Notebooks(call.world), call.query
    found, total = notebooks.select(_definition(call), query.offset, query.limit)
    return {
        "entries": [notebooks.view(notebook) for notebook in found],
        "total": total,
        "offset": query.offset,
        "limit": query.limit,
    }


@operation(
    "GET",
    NOTEBOOK,
    answer=NotebookView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_notebook; statuses other than Pending are inferred",
)
def get_notebook(call: Call[None, None]) -> dict[str, Any]:
    """Return a notebook."""
    return Notebooks(call.world).view(_notebook(call))


@operation(
    "PUT",
    NOTEBOOK,
    body=NotebookSettings,
    answer=NotebookView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_notebook",
)
def update_notebook(call: Call[None, NotebookSettings]) -> dict[str, Any]:
    """Change what a notebook runs on and with, from its next start on."""
    notebooks, body = Notebooks(call.world), call.body
    notebook = notebooks.change(
        _notebook(call), instance_type=body.instance_type, image=body.image, notebook_type=body.notebook_type
    )
    return notebooks.view(notebook)


@operation(
    "DELETE",
    NOTEBOOK,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_notebook, whose docstring has the message below `value` and whose test has it as here",
)
def delete_notebook(call: Call[None, None]) -> Message:
    """Delete a notebook, running or not."""
    notebook = _notebook(call)
    Notebooks(call.world).delete(notebook)
    return Message(f"{notebook.training_notebook_id} deleted")


@operation(
    "POST",
    NOTEBOOK + "/start",
    body=NotebookStart,
    answer=NotebookView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} start_notebook; that only a Stopped one can be started, and none of an archived definition, is "
    "inferred",
)
def start_notebook(call: Call[None, NotebookStart]) -> dict[str, Any]:
    """Start a notebook that is Stopped; it is Pending."""
    notebooks = Notebooks(call.world)
    return notebooks.view(notebooks.start(_definition(call), _notebook(call), call.body.notebook_type))


@operation(
    "POST",
    NOTEBOOK + "/stop",
    answer=NotebookView,
    errors=(401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} stop_notebook; that it is Stopped at once, and that a Stopped one is refused, is inferred",
)
def stop_notebook(call: Call[None, None]) -> dict[str, Any]:
    """Stop a notebook that is Pending or Active."""
    notebooks = Notebooks(call.world)
    return notebooks.view(notebooks.stop(_notebook(call)))


@operation(
    "GET",
    NOTEBOOK + "/recentlogs",
    query=NotebookLogPage,
    answer=RecentLogView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_notebook_recent_logs; which way forward is, and how many lines a page has, is inferred",
)
def get_notebook_recent_logs(call: Call[NotebookLogPage, None]) -> dict[str, Any]:
    """Return a page of the log of a notebook, newest line first."""
    notebook, query = _notebook(call), call.query
    return Logs(call.world, NOTEBOOK_LOG).recent(
        notebook.training_notebook_id, query.next_forward_token, query.next_backward_token, shown=millisecond
    )


def _definition(call: Call[Any, Any]) -> JobDefinition:
    return Definitions(call.world).get(call.path["organization_id"], call.path["job_definition_name"])


def _notebook(call: Call[Any, Any]) -> Notebook:
    return Notebooks(call.world).get(_definition(call), call.path["notebook_id"])


OPERATIONS = operations_in(globals())
