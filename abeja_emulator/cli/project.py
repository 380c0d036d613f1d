"""A source folder: what `training.yaml` in it says, and the archive that is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import USAGE, CommandError
from abeja_emulator.runtime.source_folders import SourceError
from abeja_emulator.runtime.source_folders import pack_source as packed
from abeja_emulator.seeding import parse_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from abeja_emulator.cli.output import Output

FILE = "training.yaml"

INSTALL_YAML = "pip install pyyaml"

#: Bytes of source beyond which somebody may have meant another folder.
LARGE = 100 * 1000 * 1000


@dataclass(frozen=True)
class Project:
    """What `training.yaml` says; the ids of datasets in it are the real platform's, and left alone.

    Attributes:
        handler: `module:function`, or None.
        image: image, or None.
        instance_type: of the job, or None.
        environment: variables.
        ignores: patterns of files that are no part of the source.
        aliases: of the datasets.
    """

    handler: str | None = None
    image: str | None = None
    instance_type: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    ignores: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class NoYamlError(CommandError):
    """There is a `training.yaml`, and nothing to read it with."""


def has_yaml() -> bool:
    """Return whether YAML can be read here."""
    try:
        import yaml  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def project_for(folder: Path, handler: str | None, output: Output) -> Project:
    """Return what the `training.yaml` of a source folder says, or nothing when it cannot be read and need not be.

    Args:
        folder: the source folder.
        handler: what the command line says; then all that is needed is said.
        output: where it is remarked that the file was not read.

    Raises:
        CommandError: as `read_project`.
        SeedError: as `read_project`.
    """
    try:
        return read_project(folder)
    except NoYamlError:
        if handler is None:
            raise
    output.remark(
        f"{folder / FILE} was not read, because pyyaml is not installed ({INSTALL_YAML}): its image, environment, "
        "instance_type and ignores are left out, and what the command line says is all there is"
    )
    return Project()


def read_project(folder: Path) -> Project:
    """Return what the `training.yaml` of a source folder says; nothing when there is none.

    Raises:
        CommandError: when there is no such folder, or the file is not of the form that the platform's command
            line takes.
        NoYamlError: when there is nothing to read it with.
        SeedError: when the file is no YAML.
    """
    if not folder.is_dir():
        message = f"--source {folder} is no folder; name the one that your handler is in"
        raise CommandError(message, USAGE)
    file = folder / FILE
    if not file.is_file():
        return Project()
    if not has_yaml():
        message = f"{file} is YAML, and pyyaml is not installed; {INSTALL_YAML}, or name the handler after the command"
        raise NoYamlError(message)
    said = parse_file(file) or {}
    if not isinstance(said, dict):
        message = f"{file} is no mapping of names to values"
        raise CommandError(message)
    texts = {name: _text(file, said, name) for name in ("handler", "image", "instance_type")}
    environment = said.get("environment") or said.get("params") or {}
    ignores = said.get("ignores") or []
    if not isinstance(environment, dict) or not isinstance(ignores, list):
        message = f"{file}: environment is a mapping of names to values, and ignores a list of patterns"
        raise CommandError(message)
    variables = {str(name): "" if value is None else str(value) for name, value in environment.items()}
    datasets = said.get("datasets")
    aliases = tuple(map(str, datasets)) if isinstance(datasets, dict) else ()
    return Project(**texts, environment=variables, ignores=tuple(map(str, ignores)), aliases=aliases)


def pack_source(folder: Path, patterns: Iterable[str], left_out: Iterable[Path]) -> bytes:
    """Return a zip of a source folder, as `runtime/source_folders.py` makes it.

    Args:
        folder: the folder.
        patterns: of names, or of paths in the folder, that are left out.
        left_out: files and folders that are left out too.

    Raises:
        CommandError: when nothing is left.
    """
    try:
        return packed(folder, patterns, left_out)
    except SourceError as error:
        message = f"--source {folder} holds no files; name the folder that your handler is in"
        raise CommandError(message, USAGE) from error


def _text(file: Path, said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        message = f"{file}: {name} is text, not {value!r:.80}"
        raise CommandError(message)
    return value or None
