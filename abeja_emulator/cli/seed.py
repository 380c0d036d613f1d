"""`seed`: datasets, or all of a seed file, onto a running server or into a data directory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.address import server_url
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.exits import DONE, TAKEN, USAGE, CommandError
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.sources import Contents, DatasetSource, read
from abeja_emulator.cli.targets import PlatformTarget, ServerTarget, part_of_document
from abeja_emulator.report.summary import counted
from abeja_emulator.seed_document import SeedDocument, linked

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from abeja_emulator.cli.targets import Target
    from abeja_emulator.platform import Platform
    from abeja_emulator.seed_document import SeedChannel

#: Of many labels, so many are named.
_LABELS_SHOWN = 8


def run(arguments: argparse.Namespace) -> int:
    """Read every source first, then put them there one after the other."""
    output = Output(json=arguments.json)
    if arguments.data is not None and arguments.url is not None:
        message = "--data and --url are two places; name one of them"
        raise CommandError(message, USAGE)
    contents = _named([read(source) for source in arguments.sources], arguments.name, arguments.type)
    with _target(arguments.data, arguments.url) as target:
        made = [put(target, each, output) for each in contents]
    kinds = ("users", "cidrs", "channels", "datasources", "datasets")
    output.document({kind: [each for one in made for each in one[kind]] for kind in kinds})
    return DONE


def put(target: Target, contents: Contents, output: Output) -> dict[str, list[Any]]:
    """Put everything of a source on a platform, say what was made, and return it.

    Raises:
        SeedError: when a part of it cannot be read.
        CommandError: when the server refuses a part of it.
    """
    who = SeedDocument(contents.organization, list(contents.users), list(contents.bearer_tokens))
    where = SeedDocument(cidrs=list(contents.cidrs))
    made: dict[str, list[Any]] = {"users": [], "cidrs": [], "datasources": []}
    with target.whole():
        if who != SeedDocument():
            made["users"] = target.admit(who)["users"]
        made["channels"] = [_put_channel(target, each, contents.folder, output) for each in contents.channels]
        if contents.datasources:
            channels = [(channel["name"], channel["channel_id"]) for channel in made["channels"]]
            sources = linked(contents.datasources, part_of_document, channels)
            made["datasources"] = target.admit(SeedDocument(datasources=sources))["datasources"]
        made["datasets"] = [put_dataset(target, dataset, output) for dataset in contents.datasets]
        # At last: a server that enforces them might let this command in no longer.
        if where != SeedDocument():
            made["cidrs"] = target.admit(where)["cidrs"]
    _say(made, contents, output)
    return made


def _say(made: dict[str, list[Any]], contents: Contents, output: Output) -> None:
    """Say what was made of a source."""
    for user in made["users"]:
        output.line(f"user {user['email']}  {user['user_id']}: {user['role']}")
    for count, what in ((len(contents.bearer_tokens), "bearer token"), (len(made["cidrs"]), "CIDR")):
        if count:
            output.line(counted(count, what))
    for channel in made["channels"]:
        output.line(f"channel {channel['name']}  {channel['channel_id']}: {counted(len(channel['files']), 'file')}")
    for source in made["datasources"]:
        name = source["name"] or "without a name"
        output.line(f"data source {name}  {source['datasource_id']}: {counted(len(source['channels']), 'channel')}")
    for dataset in made["datasets"]:
        output.line(described(dataset))
    if not (any(made.values()) or contents.bearer_tokens):
        output.line(f"{contents.where} holds nothing")


def put_dataset(target: Target, source: DatasetSource, output: Output) -> dict[str, Any]:
    """Make a dataset and return what it is, and show how far it has come meanwhile.

    Raises:
        SeedError: when an item cannot be read; the dataset is gone again then.
    """
    name = source.name or (Path(source.source).name if isinstance(source.source, (str, Path)) else "dataset")
    with output.progress(f"dataset {name}", "items") as told:
        return target.dataset(source, told)


@contextmanager
def opened(data: str, **options: Any) -> Iterator[Platform]:
    """Open a data directory.

    Raises:
        CommandError: when another process has it, or it cannot be used.
    """
    from abeja_emulator.platform import Platform  # noqa: PLC0415 - a client of a server needs none
    from abeja_emulator.store.directory import DataInUseError  # noqa: PLC0415

    try:
        platform = Platform(data=Path(data), **options)
    except DataInUseError as error:
        raise CommandError(str(error), TAKEN) from error
    with platform:
        yield platform


@contextmanager
def _target(data: str | None, url: str | None) -> Iterator[Target]:
    if data is None:
        with Client(server_url(url)) as client, ServerTarget(client) as target:
            yield target
        return
    with opened(data) as platform:
        yield PlatformTarget(platform)


def _named(contents: list[Contents], name: str | None, kind: str | None) -> list[Contents]:
    """Return what was read with the name and the type that the options say."""
    datasets = [dataset for each in contents for dataset in each.datasets]
    if name is not None and len(datasets) != 1:
        message = f"--name names one dataset, and there are {len(datasets)}"
        raise CommandError(message, USAGE)
    if name is None and kind is None:
        return contents

    def changed(dataset: DatasetSource) -> DatasetSource:
        dataset = dataset if name is None else replace(dataset, name=name)
        return dataset if kind is None else replace(dataset, type=kind)

    return [replace(each, datasets=tuple(map(changed, each.datasets))) for each in contents]


def _put_channel(target: Target, channel: SeedChannel, folder: Path, output: Output) -> dict[str, Any]:
    with output.progress(f"channel {channel.name}", "files") as told:
        return target.channel(channel, folder, told)


def described(dataset: dict[str, Any]) -> str:
    """Return what a dataset that was made is, in one line."""
    labels = dataset["labels"]
    shown = ", ".join(labels[:_LABELS_SHOWN]) + (", …" if len(labels) > _LABELS_SHOWN else "")
    with_labels = f", {counted(len(labels), 'label')}: {shown}" if labels else ""
    return f"dataset {dataset['name']}  {dataset['dataset_id']}: {counted(dataset['total_count'], 'item')}{with_labels}"
