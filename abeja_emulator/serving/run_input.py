"""What a run asks its model: a file of the datalake, some JSON, or nothing (runner, proxy/converter.go)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import NotFound
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files, shown_metadata
from abeja_emulator.services.submission import DATALAKE
from abeja_emulator.serving.messages import ModelContent, ModelRequest

if TYPE_CHECKING:
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.wire.call import World

#: How a run asks, whatever its input.
METHOD = "POST"
JSON = "application/json"

#: Bytes that a variable may have, with its name and the NUL behind it (Linux, MAX_ARG_STRLEN).
VARIABLE_LIMIT = 128 * 1024

#: Variables in which the runner finds input and output, as JSON (runner, cmd/util/cobra_util.go).
INPUT, OUTPUT = "INPUT", "OUTPUT"


class NoInputError(Exception):
    """The input of a run cannot be had; the text says why."""


def input_variables(run: Run) -> dict[str, str]:
    """Return the variables that say where input comes from and output goes to; what was not given is not said.

    Raises:
        NoInputError: when one is longer than the system lets a variable be. Evidence: inferred; the runner has no other
            way to get it, and the platform's own limit is not known.
    """
    given = {INPUT: run.input_data, OUTPUT: run.output_template}
    said = {name: _text(value) for name, value in given.items() if value is not None}
    for name, text in said.items():
        size = len(text.encode())
        if size + len(name) + len("=\0") > VARIABLE_LIMIT:
            message = (
                f"{name} is {size} bytes of JSON, and a run is told it in a variable, which has {VARIABLE_LIMIT} at "
                "most: put it into a channel of the datalake"
            )
            raise NoInputError(message)
    return said


def request_of(world: World, run: Run) -> ModelRequest:
    """Return what a run asks its model. Its bodies are the caller's to close.

    A file comes with its content type, which is `application/octet-stream` where it has none, and with its metadata
    as the platform shows them: names with their prefix, names and values percent-encoded, the platform's own among
    them. Evidence: client, the runner hands the answer on; that it decodes nothing is inferred.

    Without input there is no content, and the content type is empty. Evidence: inferred; there is nothing to have one.

    Raises:
        NoInputError: when the organization of the run has no such channel, or that no such file.
    """
    data = run.input_data
    if data is None:
        return ModelRequest(METHOD, "")
    if not isinstance(data, dict) or DATALAKE not in data:
        return ModelRequest(METHOD, JSON, contents=(ModelContent(_text(data).encode(), JSON),))
    channel_id, _, file_id = data[DATALAKE].partition("/")
    files = Files(world)
    try:
        with world.store.reading():
            Channels(world).get(run.organization_id, channel_id)
            file = files.get(channel_id, file_id)
            content = files.download(channel_id, file_id).content
    except NotFound as error:
        message = f"the input of the run is not there: {error.description}"
        raise NoInputError(message) from error
    metadata = shown_metadata(file, run.organization_id)
    return ModelRequest(METHOD, file.content_type, contents=(ModelContent(content, file.content_type, metadata),))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
