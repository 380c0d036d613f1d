"""A seed file: what is on a platform from the start, in JSON or YAML.

```yaml
organization: {name: my-org, id: "1102940376065"}    # ids that handlers have in their code
users:
  - {token: secret-of-the-test, email: me@example.com, role: developer, id: "1230000000003"}
cidrs: [192.0.2.0/24, {cidr: 127.0.0.0/8, description: this machine}]
channels:
  - {name: logs, id: "1230000000001", files: [data/a.csv, {file: data/b.bin, metadata: {label: "1"}}]}
datasources:
  - {name: sensors, id: "1230000000004", secret: secret-of-the-sensors, channels: [logs]}    # by name, or by id
datasets:
  - {name: flowers, source: fixtures/flowers, id: "1230000000002"}
  - {name: two, items: [{content: "one", label: a}, {file: data/b.bin, label: b}]}
  - {source: shapes}    # sample data, where the file has no such folder beside it
```

Every part may be left out. Paths are relative to the file. An id may be text or a number. The role of a user is
admin (by default), developer or regular, and matters where credentials are checked; CIDRs matter where they are
enforced.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from abeja_emulator.finding import advice, exists, find_data, shortened
from abeja_emulator.seed_document import (
    RoleName,
    SeedChannel,
    SeedCidr,
    SeedDataset,
    SeedDatasource,
    SeedDocument,
    SeedOrganization,
    SeedUpload,
    SeedUser,
    admit,
    connect,
)
from abeja_emulator.seeding import SeedError, parse_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.platform import Platform


class SeedFile:
    """A seed file that was read.

    Args:
        path: the file.

    Raises:
        SeedError: when it cannot be read, or says something that a seed file does not say.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.document = msgspec.convert(_with_ids_as_text(parse_file(path)), SeedDocument)
        except msgspec.ValidationError as error:
            message = f"{path}: {_plain(str(error))}"
            raise SeedError(message) from error
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            raise SeedError(message) from error

    def put(self, platform: Platform) -> None:
        """Put everything but the organization on a platform, all of it or nothing.

        Raises:
            SeedError: when a part of it cannot be put there; it says which.
        """
        with platform.world.store.transaction():
            admit(self.document, platform, self._part)
            channels = []
            for number, channel in enumerate(self.document.channels):
                with self._part(f"channels[{number}]"):
                    channels.append((channel.name, self._channel(platform, channel)))
            connect(self.document.datasources, platform, self._part, channels)
            for number, dataset in enumerate(self.document.datasets):
                with self._part(f"datasets[{number}]"):
                    self._dataset(platform, dataset)

    def _channel(self, platform: Platform, channel: SeedChannel) -> str:
        """Make a channel with its files, and return its id."""
        identifier = platform.seed.channel(channel.name, channel.description, identifier=channel.id)
        for entry in channel.files:
            upload = SeedUpload(entry) if isinstance(entry, str) else entry
            path = self._path.parent / upload.file
            if not exists(path):
                message = f"there is no file {shortened(upload.file)!r} in {self._path.parent}"
                raise SeedError(message)
            platform.seed.file(
                identifier,
                path,
                content_type=upload.content_type,
                metadata=upload.metadata,
                lifetime=upload.lifetime,
            )
        return identifier

    def _dataset(self, platform: Platform, dataset: SeedDataset) -> None:
        if (dataset.source is None) == (dataset.items is None):
            message = "a dataset has either a source or items"
            raise SeedError(message)
        if dataset.source is not None:
            source: Any = self._find(dataset.source)
        else:
            source = {"items": [_anchored(item, self._path.parent) for item in dataset.items or []]}
        platform.seed.dataset(source, dataset.name, type=dataset.type, props=dataset.props, identifier=dataset.id)

    def _find(self, source: str) -> Path:
        found = find_data(source, [self._path.parent], "the seed file")
        if found is None:
            message = (
                f"there is no folder and no file {shortened(source)!r} in {self._path.parent}; "
                f"{advice(source, [self._path.parent])}"
            )
            raise SeedError(message)
        return found

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        from abeja_emulator.errors import PlatformError  # noqa: PLC0415 - only when something is put

        try:
            yield
        except (PlatformError, ValueError, OSError) as error:
            message = f"{self._path}: {name}: {error}"
            raise SeedError(message) from error


def _anchored(item: Any, folder: Path) -> Any:
    """Return an item whose file is found from wherever the run was started."""
    if isinstance(item, dict) and isinstance(item.get("file"), str):
        return {**item, "file": folder / item["file"]}
    return item


def _with_ids_as_text(given: Any) -> Any:
    """Return what a file says; an id without quotes is a number there."""
    if not isinstance(given, dict):
        return {} if given is None else given
    text = dict(given)
    for name in ("channels", "datasets", "datasources", "users"):
        if isinstance(given.get(name), list):
            text[name] = [_with_id_as_text(part) for part in given[name]]
    if "organization" in given:
        text["organization"] = _with_id_as_text(given["organization"])
    return text


def _with_id_as_text(part: Any) -> Any:
    """Return a part of a file; what it is linked to is named by ids as well."""
    if not isinstance(part, dict):
        return part
    text = {**part, "id": _as_text(part["id"])} if "id" in part else part
    if isinstance(part.get("channels"), list):
        text = {**text, "channels": [_as_text(each) for each in part["channels"]]}
    return text


def _as_text(identifier: Any) -> Any:
    return str(identifier) if type(identifier) is int else identifier  # true and false are integers, too


#: What msgspec and a person call the types of a document.
_WORDS = {
    "array": "a list",
    "bool": "a truth value",
    "date": "a date",
    "datetime": "a time",
    "float": "a number",
    "int": "a number",
    "null": "nothing",
    "object": "a mapping",
    "str": "text",
}

#: What msgspec says of a value.
_SAID = re.compile(
    r"(?:Expected `(?P<wanted>[^`]+)`(?:, got `(?P<given>[^`]+)`)?"
    r"|Object missing required field `(?P<missing>.+?)`"
    r"|Object contains unknown field `(?P<unknown>.+?)`"
    r"|Invalid enum value '(?P<choice>.*)')"
    r"(?: - at (?P<key>`key` in )?`\$(?P<place>[^`]*)`)?",
    re.DOTALL,
)

#: Part of the file → what it may say; the last name of its path, for all but the whole.
_PARTS = {
    "": SeedDocument,
    "organization": SeedOrganization,
    "users": SeedUser,
    "cidrs": SeedCidr,
    "channels": SeedChannel,
    "files": SeedUpload,
    "datasources": SeedDatasource,
    "datasets": SeedDataset,
}

#: Part of the file → the words it may be.
_CHOICES = {"role": get_args(RoleName)}


def _plain(said: str) -> str:
    """Return in plain words what msgspec said, with the place in the file in front."""
    found = _SAID.fullmatch(said)
    if found is None:
        return said
    place = (found["place"] or "").lstrip(".")
    within = f"{place}: " if place else ""
    part = _PARTS.get(re.sub(r"\[\d+\]", "", place).rpartition(".")[2])
    known = () if part is None else part.__struct_fields__
    if found["missing"]:
        return f"{within}missing required field `{found['missing']}`"
    if found["unknown"]:
        near = get_close_matches(found["unknown"], known, 1)
        meant = f"; did you mean `{near[0]}`?" if near else ""
        return f"{within}unknown field `{found['unknown']}`; known are {', '.join(known)}{meant}"
    if found["key"]:
        return f"{within}a name in it is no text; put it in quotes"
    if found["choice"] is not None:
        *names, last = _CHOICES[place.rpartition(".")[2]]
        wanted, given, quotes = f"{', '.join(names)} or {last}", repr(found["choice"]), ""
    else:
        wanted, given, quotes = _types(found["wanted"], found["given"])
    if place.endswith("[...]"):
        return f"each value of {place[:-5]} must be {wanted}, not {given}{quotes}"
    return f"{place or 'a seed file'} must be {wanted}, not {given}{quotes}"


def _types(said: str, got: str) -> tuple[str, str, str]:
    """Return in plain words what is wanted and what is there instead, and what would help."""
    wanted = " or ".join(_WORDS.get(word, word) for word in said.split(" | ") if word != "null")
    given = _WORDS.get(got, got)
    return wanted, given, "; put it in quotes" if "text" in wanted and given in _UNQUOTED else ""


#: What YAML makes of text without quotes.
_UNQUOTED = ("a date", "a number", "a time", "a truth value")
