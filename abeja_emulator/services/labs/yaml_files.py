"""What YAML says in the pushes of the command line client."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from abeja_emulator.errors import BadRequest, NotEmulated

if TYPE_CHECKING:
    from abeja_emulator.wire.content import Upload

ShapeT = TypeVar("ShapeT", bound=msgspec.Struct)


def read_yaml(upload: Upload, name: str, shape: type[ShapeT]) -> ShapeT:
    """Return what a YAML file says; keys that are not of the shape are ignored.

    Args:
        upload: the file.
        name: what a refusal calls it.
        shape: what is wanted of it.

    Raises:
        BadRequest: when it is no YAML, or has not that shape.
        NotEmulated: when nothing here can read YAML.
    """
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = f"{name} is YAML; install abeja-emulator[yaml] to read it"
        raise NotEmulated(message) from error
    content = upload.content
    if not isinstance(content, bytes):
        message = f"{name} has {upload.size} bytes, which is no file of settings"
        raise BadRequest(message)
    try:
        return msgspec.convert(yaml.safe_load(content), shape)
    except msgspec.ValidationError as error:
        message = f"{name} is wrong: {error}"
        raise BadRequest(message) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = f"{name} is not YAML: {error}"
        raise BadRequest(message) from error
