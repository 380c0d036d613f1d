"""Where goes what the model of a run has answered: into a channel of the datalake (runner, proxy/proxy_oneshot.go)."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import BadRequest, Conflict, PlatformError
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.submission import DATALAKE
from abeja_emulator.serving.answers import FALLBACK_TYPE
from abeja_emulator.serving.header_text import is_name, is_value, to_wire
from abeja_emulator.serving.process_log import run_log
from abeja_emulator.wire.content import Upload
from abeja_emulator.wire.validation import METADATA_PREFIX

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.datalake.records import File
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.serving.messages import ModelAnswer
    from abeja_emulator.wire.call import World

#: Metadata key of the name of an output, by which a second one of that name is refused.
NAME_KEY = "filename"
NAME = METADATA_PREFIX + NAME_KEY

#: Extensions that not every Python knows, or that it has another one for.
_USUAL = {
    "application/gzip": ".gz",
    "application/x-ndjson": ".ndjson",
    "application/xml": ".xml",
    "audio/wav": ".wav",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "text/markdown": ".md",
}


def keep_output(platform: Platform, run: Run, answer: ModelAnswer) -> str | None:
    """Put the content of an answer where a run wants it, and keep where that is, in the transaction of the caller.

    Returns:
        Why it was refused, or None: it is there, or there is nothing to put anywhere, which is a warning in the log.
    """
    world, log = platform.world, run_log(platform, run.run_id)
    if run.output_template is None:
        return None
    nothing = _why_nothing(run.output_template, answer)
    if nothing is not None:
        log.say(nothing)
        return None
    try:
        with world.store.transaction():
            file = _uploaded(world, run, run.output_template[DATALAKE], answer)
            place = f"{file.channel_id}/{file.file_id}"
            Runs(world).keep_output(run, {DATALAKE: place})
    except PlatformError as error:
        return f"the output was refused: {error.description}"
    log.say(f"the output is {place}")
    return None


def output_name(run_id: str, content_type: str) -> str:
    """Return the name of an output: that of its run, with the usual extension of its type, if it has one.

    Which of several extensions is inferred: the one that people use. The tables of this machine do not count.
    """
    kind = content_type.partition(";")[0].strip().lower()
    return f"{run_id}_0{_USUAL.get(kind) or mimetypes.MimeTypes(filenames=()).guess_extension(kind) or ''}"


def _why_nothing(template: dict[str, Any], answer: ModelAnswer) -> str | None:
    """Return why the answer to a run that is to have output has none, or None.

    A handler that raised has none: what there is of a body is a word of the runtime's, in its message. Evidence:
    inferred; were it uploaded, no further attempt could succeed.
    """
    if DATALAKE not in template:
        # Evidence: inferred; the runner knows the datalake only.
        return (
            f'the output goes nowhere: the output_template has no "{DATALAKE}", only {", ".join(template) or "nothing"}'
        )
    if answer.error is not None or not answer.body:
        return f"warning: the handler returned no content, so nothing was put into channel {template[DATALAKE]}"
    return None


def _uploaded(world: World, run: Run, channel_id: str, answer: ModelAnswer) -> File:
    """Upload the content of an answer.

    With it go the handler's `metadata` whose names start with `x-abeja-meta-`, and the name, which is the platform's
    own whatever the handler says. Evidence: inferred; it is what keeps a second attempt from making a second file.

    Raises:
        NotFound: when the organization of the run has no such channel.
        Conflict: when an earlier attempt has put its output there.
        BadRequest: when the content type or metadata are such as no request can have.
    """
    Channels(world).get(run.organization_id, channel_id)
    content_type = answer.content_type or FALLBACK_TYPE
    _check("content_type", content_type)
    metadata = {}
    for name, value in answer.metadata.items():
        key = name.lower()
        if key.startswith(METADATA_PREFIX):
            _check_name(name)
            _check(f"metadata {name}", value)
            metadata[key] = to_wire(value)
    metadata[NAME] = output_name(run.run_id, content_type)
    upload = Upload(answer.body, len(answer.body), to_wire(content_type), metadata)
    try:
        return Files(world).upload(channel_id, upload, conflict_target=NAME_KEY)
    except Conflict as error:
        message = f"{error.description}: an earlier attempt has put its output there, and each one has the same name"
        raise Conflict(message) from error


def _check_name(name: str) -> None:
    if not is_name(name):
        message = f"metadata has the name {name!r}; a header's name is ASCII letters, digits and !#$%&'*+-.^_`|~"
        raise BadRequest(message)


def _check(what: str, value: object) -> None:
    if not is_value(value):
        message = f"{what} is {value!r}; it must be text without line breaks and control characters"
        raise BadRequest(message)
