"""What a run is to be like, and whether one can be like that; the same for the runs of a trigger."""

from __future__ import annotations

from typing import Any

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.submission import DATALAKE

#: How often a run is tried again when nothing is said, and how often at most (SDK docstring of create_run).
DEFAULT_RETRY_COUNT, MOST_RETRIES = 5, 9


def retry_count_of(value: int | None) -> int:
    """Return how often to try again.

    Raises:
        BadRequest: when it is out of its range.
    """
    count = DEFAULT_RETRY_COUNT if value is None else value
    if not 0 <= count <= MOST_RETRIES:
        message = f"retry_count is between 0 and {MOST_RETRIES}, not {count}"
        raise BadRequest(message)
    return count


def check_input(data: dict[str, Any] | list[Any] | None) -> None:
    """Check the form of an input; JSON that names no file of the datalake is the handler's own business.

    That such a file is there is seen when the run begins, by what runs it (RUN proxy/converter.go). Evidence: inferred.

    Raises:
        BadRequest: when a file of the datalake is not named as one.
    """
    if isinstance(data, dict) and DATALAKE in data:
        _check_place("input_data", data[DATALAKE], ("channel", "file"))


def check_output(template: dict[str, Any] | None) -> None:
    """Check the form of an output, as `check_input` does of an input.

    Raises:
        BadRequest: when a channel of the datalake is not named as one.
    """
    if template is not None and DATALAKE in template:
        _check_place("output_template", template[DATALAKE], ("channel",))


def _check_place(name: str, value: Any, segments: tuple[str, ...]) -> None:
    parts = value.split("/") if isinstance(value, str) else []
    if len(parts) != len(segments) or not all(parts):
        form = "/".join(f"<{segment}>" for segment in segments)
        message = f'{name} has {value!r} under "{DATALAKE}", which takes {form}'
        raise BadRequest(message)
