"""`run`: train on this machine, by the same path as a job that is made through the API."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.cli.execution import options_of
from abeja_emulator.cli.exits import USAGE, CommandError
from abeja_emulator.cli.faulting import add_faults, tell_faults
from abeja_emulator.cli.handler_check import check_handler
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.project import FILE, project_for
from abeja_emulator.cli.seed import put_dataset
from abeja_emulator.cli.signals import Signals
from abeja_emulator.cli.sources import read_datasets
from abeja_emulator.cli.targets import PlatformTarget
from abeja_emulator.cli.training import Training, archive_of, place_of
from abeja_emulator.platform import Platform
from abeja_emulator.server import Server
from abeja_emulator.services.images import DEFAULT_IMAGE
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    import argparse

    from abeja_emulator.cli.project import Project
    from abeja_emulator.services.training.records import TrainingJob

_DEFINITION = "run"


def run(arguments: argparse.Namespace) -> int:
    """Make a platform with the datasets, a job of the source folder, and wait for it."""
    output = Output(json=arguments.json)
    folder = Path(arguments.source)
    project = project_for(folder, arguments.handler, output)
    handler = arguments.handler or project.handler
    if handler is None:
        message = f"no handler is named, and {folder} has no {FILE} with one; write, for example, train:handler"
        raise CommandError(message, USAGE)
    datasets = read_datasets(arguments.dataset, project.aliases, output)
    options = options_of(arguments)
    check_handler(handler, folder, options, arguments.image or project.image or DEFAULT_IMAGE)
    place = place_of(arguments.keep)
    archive = archive_of(folder, project, arguments.exclude, place, output)
    with ExitStack() as stack:
        platform = stack.enter_context(Platform())
        add_faults(platform, arguments.fault)
        target = PlatformTarget(platform)
        ids = {alias: put_dataset(target, source, output)["dataset_id"] for alias, source in datasets.items()}
        server = Server(platform, resets=False, allow_hosts=arguments.allow_host, slots=1, **options)
        signals = stack.enter_context(Signals())
        stack.enter_context(server)
        training = Training(platform, server, output)
        job = _job(platform, arguments, project, handler, archive, ids)
        training.wait(job.training_job_id, signals)
        code = training.end(job.training_job_id, place)
        unfired = tell_faults(platform, output)
    return (code or unfired) if signals.number is None else signals.code


def _job(  # noqa: PLR0913, PLR0917 - what a job is made of
    platform: Platform,
    arguments: argparse.Namespace,
    project: Project,
    handler: str,
    archive: bytes,
    datasets: dict[str, str],
) -> TrainingJob:
    """Make definition, version and job; from then on it runs."""
    definitions, organization = Definitions(platform.world), platform.organization.id
    with platform.world.store.transaction():
        definition = definitions.create(organization, _DEFINITION)
        version = definitions.create_version(
            definition,
            Upload(archive, len(archive), "application/zip"),
            handler=handler,
            image=arguments.image or project.image,
            environment=dict(project.environment),
        )
        return Jobs(platform.world).create(
            definition,
            version,
            platform.user.id,
            datasets=datasets,
            environment=dict(arguments.env),
            instance_type=arguments.instance_type or project.instance_type,
        )
