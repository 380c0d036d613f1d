"""What a person names to be seeded: folders, tables, JSON, YAML, seed files, sample data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import USAGE, CommandError
from abeja_emulator.cli.project import FILE
from abeja_emulator.finding import FIXTURES, advice, find_data, places_in, shortened
from abeja_emulator.seed_document import SeedChannel, SeedCidr, SeedDataset, SeedDatasource, SeedOrganization, SeedUser
from abeja_emulator.seed_file import SeedFile
from abeja_emulator.seeding import SeedError, parse_file, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abeja_emulator.cli.output import Output
    from abeja_emulator.seeding import Source

#: A mapping without them is a seed file.
_ITEMS = "items"

#: Files that may be a seed file.
_DOCUMENTS = (".json", ".yaml", ".yml")


@dataclass(frozen=True)
class DatasetSource:
    """A dataset to come.

    Attributes:
        source: as `Seed.dataset` takes it.
        name: of the dataset, or None: that of the source, and a number when it is taken.
        type: of the dataset, or None.
        props: of the dataset, or None.
        identifier: id of the dataset, or None.
    """

    source: Source
    name: str | None = None
    type: str | None = None
    props: Any = None
    identifier: str | None = None


@dataclass(frozen=True)
class Contents:
    """What a source holds.

    Attributes:
        where: name of the source.
        folder: that the paths of its channels are relative to.
        datasets: datasets.
        channels: channels.
        datasources: data sources, linked to these channels or to others.
        users: users.
        bearer_tokens: tokens of the default user.
        cidrs: networks that are let in.
        organization: the organization, when the source says one.
    """

    where: str
    folder: Path
    datasets: tuple[DatasetSource, ...] = ()
    channels: tuple[SeedChannel, ...] = ()
    datasources: tuple[SeedDatasource, ...] = ()
    users: tuple[SeedUser, ...] = ()
    bearer_tokens: tuple[str, ...] = ()
    cidrs: tuple[SeedCidr | str, ...] = ()
    organization: SeedOrganization = field(default_factory=SeedOrganization)


def read(source: str) -> Contents:
    """Return what a source holds: one dataset, or all of a seed file.

    Raises:
        SeedError: when it is nowhere, or cannot be read as it is.
    """
    places = places_in([Path.cwd()])
    path = find_data(source, places, "this command")
    if path is None:
        beside = ", ".join(f"{name}/{shortened(source)}" for name in FIXTURES)
        message = f"there is no folder and no file {shortened(source)!r}, nor {beside}; {advice(source, places)}"
        raise SeedError(message)
    if not _is_seed_file(path):
        # Said now what can be, before anything is made.
        read_source(path)
        return Contents(source, path.parent, (DatasetSource(path),))
    document = SeedFile(path).document
    datasets = tuple(_of_document(path, dataset, number) for number, dataset in enumerate(document.datasets))
    return Contents(
        source,
        path.parent,
        datasets,
        tuple(document.channels),
        tuple(document.datasources),
        tuple(document.users),
        tuple(document.bearer_tokens),
        tuple(document.cidrs),
        document.organization,
    )


def read_one(source: str) -> DatasetSource:
    """Return the one dataset that a source holds.

    Raises:
        CommandError: when it holds none, or several.
        SeedError: as `read`.
    """
    datasets = read(source).datasets
    if len(datasets) != 1:
        message = f"{source!r} holds {len(datasets)} datasets; name the folder or the file of one"
        raise CommandError(message, USAGE)
    return datasets[0]


def read_datasets(given: Iterable[tuple[str, str]], aliases: Iterable[str], output: Output) -> dict[str, DatasetSource]:
    """Return the datasets that `--dataset` gives a job, and remark which others `training.yaml` names.

    Args:
        given: alias and source of each.
        aliases: those of `training.yaml`, whose ids are the real platform's.
        output: where that is remarked.

    Raises:
        CommandError: as `read_one`.
        SeedError: as `read`.
    """
    datasets = {alias: read_one(source) for alias, source in given}
    missing = [alias for alias in aliases if alias not in datasets]
    if missing:
        options = " ".join(f"--dataset {alias}=…" for alias in missing)
        output.remark(
            f"{FILE} says which dataset {', '.join(missing)} is on the real platform, and that is not here: give "
            f"{options} with a folder, a file or the name of sample data; the job goes without"
        )
    return datasets


def _is_seed_file(path: Path) -> bool:
    if path.is_dir() or path.suffix.lower() not in _DOCUMENTS:
        return False
    data = parse_file(path)
    return isinstance(data, dict) and _ITEMS not in data


def _of_document(path: Path, dataset: SeedDataset, number: int) -> DatasetSource:
    where = f"{path}: datasets[{number}]"
    if (dataset.source is None) == (dataset.items is None):
        message = f"{where}: a dataset has either a source or items"
        raise SeedError(message)
    source: Source
    if dataset.source is not None:
        place = find_data(dataset.source, [path.parent], "the seed file")
        if place is None:
            there = advice(dataset.source, [path.parent])
            message = f"{where}: there is no folder and no file {dataset.source!r} in {path.parent}; {there}"
            raise SeedError(message)
        source = place
    else:
        source = {_ITEMS: [_anchored(item, path.parent) for item in dataset.items or []]}
    return DatasetSource(source, dataset.name, dataset.type, dataset.props, dataset.id)


def _anchored(item: Any, folder: Path) -> Any:
    """Return an item whose file is found from wherever the command was started."""
    if isinstance(item, dict) and isinstance(item.get("file"), str):
        return {**item, "file": folder / item["file"]}
    return item
