"""`run`: train on this machine, by the same path as a job that is made through the API."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.archives import unpack
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.execution import options_of
from abeja_emulator.cli.exits import (
    FAILED,
    INTERRUPTED,
    OF_STATUS,
    TERMINATED,
    USAGE,
    CommandError,
)
from abeja_emulator.cli.follow import Follower
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.plot import curves
from abeja_emulator.cli.project import FILE, LARGE, pack_source, read_project
from abeja_emulator.cli.seed import put_dataset
from abeja_emulator.cli.showing import Showing, logged, showing
from abeja_emulator.cli.signals import Signals
from abeja_emulator.cli.sources import read
from abeja_emulator.cli.targets import PlatformTarget
from abeja_emulator.errors import Conflict
from abeja_emulator.platform import Platform
from abeja_emulator.report.summary import seconds, size
from abeja_emulator.server import Server
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from abeja_emulator.cli.project import Project
    from abeja_emulator.cli.sources import DatasetSource
    from abeja_emulator.services.training.records import TrainingJob

#: Seconds between two looks at what is new.
_PACE = 0.1

#: Folder of what jobs have left, in the working directory.
RESULTS = "abeja-results"

#: Exit code of a command that a signal has ended.
_SIGNALLED: dict[int, int] = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}

_DEFINITION = "run"

#: Runs that begin in the same second.
_TRIES = 1000


def run(arguments: argparse.Namespace) -> int:
    """Make a platform with the datasets, a job of the source folder, and wait for it."""
    output = Output(json=arguments.json)
    folder = Path(arguments.source)
    project = read_project(folder)
    handler = arguments.handler or project.handler
    if handler is None:
        message = f"no handler is named, and {folder} has no {FILE} with one; write, for example, train:handler"
        raise CommandError(message, USAGE)
    datasets = {alias: _one_dataset(source) for alias, source in arguments.dataset}
    place = _place(arguments.keep)
    archive = pack_source(folder, (*project.ignores, *arguments.exclude), [place, Path(RESULTS)])
    if len(archive) > LARGE:
        output.remark(f"the source folder {folder} packs to {size(len(archive))}; --exclude leaves parts of it out")
    with ExitStack() as stack:
        platform = stack.enter_context(Platform())
        target = PlatformTarget(platform)
        ids = {alias: put_dataset(target, source, output)["dataset_id"] for alias, source in datasets.items()}
        server = Server(platform, resets=False, allow_hosts=arguments.allow_host, slots=1, **options_of(arguments))
        signals = stack.enter_context(Signals())
        stack.enter_context(server)
        training = _Training(platform, server, output)
        job = training.create(arguments, project, handler, archive, ids)
        training.wait(job.training_job_id, signals)
        code = training.end(job.training_job_id, place)
    return code if signals.number is None else _SIGNALLED[signals.number]


def _place(keep: str | None) -> Path:
    """Return where what the job leaves is kept: the folder that is named, or else a new one of each run.

    Raises:
        CommandError: when there is something in it.
    """
    if keep is not None:
        place = Path(keep)
        if place.exists() and not (place.is_dir() and not any(place.iterdir())):
            message = f"--keep {keep} is there already, and is no empty folder; name another, or remove it first"
            raise CommandError(message, USAGE)
        return place
    # Ids repeat from run to run, and a result that took hours must not be lost to the next one.
    now = time.strftime("%Y%m%d-%H%M%S")
    names = (now, *(f"{now}-{number}" for number in range(2, _TRIES)))
    return next(place for place in (Path(RESULTS) / name for name in names) if not place.exists())


class _Training:
    """A job of a platform of this process, from its creation to what is left of it.

    Args:
        platform: where it is.
        server: runs it.
        output: where it is shown.
    """

    def __init__(self, platform: Platform, server: Server, output: Output) -> None:
        self._platform = platform
        self._server = server
        self._output = output
        self._posted: list[dict[str, Any]] = []
        self._lines: list[dict[str, Any]] = []

    def create(
        self, arguments: argparse.Namespace, project: Project, handler: str, archive: bytes, datasets: dict[str, str]
    ) -> TrainingJob:
        """Make definition, version and job; from then on it runs."""
        definitions, organization = Definitions(self._platform.world), self._platform.organization.id
        with self._platform.world.store.transaction():
            definition = definitions.create(organization, _DEFINITION)
            version = definitions.create_version(
                definition,
                Upload(archive, len(archive), "application/zip"),
                handler=handler,
                image=arguments.image or project.image,
                environment=dict(project.environment),
            )
            return Jobs(self._platform.world).create(
                definition,
                version,
                self._platform.user.id,
                datasets=datasets,
                environment=dict(arguments.env),
                instance_type=arguments.instance_type or project.instance_type,
            )

    def wait(self, job_id: str, signals: Signals) -> None:
        """Show the job until it has ended, and end it when a signal comes."""
        stopped = killed = ended = False
        with Client(self._server.url) as client, showing(self._output) as shown:
            follower = Follower(client, job_id)
            while not ended:
                ended = self._look(follower, shown)
                if signals.number is not None and not stopped:
                    stopped = True
                    self._stop(job_id)
                elif signals.again and not killed:
                    killed = True
                    self._server.executor.stop()
                if not ended:
                    time.sleep(_PACE)

    def _look(self, follower: Follower, shown: Showing) -> bool:
        news = follower.news()
        for line in news.lines:
            shown.log(line)
        for posted in news.statistics:
            shown.statistics(posted)
        self._lines += news.lines
        self._posted += news.statistics
        return news.ended

    def _stop(self, job_id: str) -> None:
        self._output.remark("stopping the job; once more, and it is killed")
        jobs = Jobs(self._platform.world)
        try:
            with self._platform.world.store.transaction():
                jobs.move(jobs.find(job_id), "Stopped")
        except Conflict:
            pass  # it has ended meanwhile

    def end(self, job_id: str, place: Path) -> int:
        """Keep what the job has left, say what that is, and return the exit code."""
        job = self._platform.look.job(job_id)
        kept = _kept(place, self._result(job), self._lines, self._posted)
        facts = [f"job {job_id}", job.status, "" if job.seconds is None else seconds(job.seconds)]
        self._output.line()
        self._output.line("  ".join(filter(None, facts)))
        if job.status_message:
            self._output.line(job.status_message)
        for line in curves(self._posted, unicode=_has_unicode()):
            self._output.line(line)
        for name, count in kept.items():
            self._output.line(f"  {name}  {size(count)}")
        self._output.line(f"kept in {place}")
        self._output.document(
            {
                "event": "result",
                "job_id": job_id,
                "status": job.status,
                "status_message": job.status_message,
                "seconds": job.seconds,
                "artifacts": kept,
                "folder": str(place),
            }
        )
        return OF_STATUS.get(job.status, FAILED)

    def _result(self, job: TrainingJob) -> Callable[[Path], object]:
        """Return what puts the result of a job in a folder: of its archive, or what a stopped job has left."""
        if job.artifact is not None:
            content = self._platform.look.result(job.training_job_id)
            return lambda place: unpack(content, place)
        left = self._server.executor.result_dir(job.training_job_id)
        return lambda place: shutil.copytree(left, place) if left.is_dir() else None


def _kept(
    place: Path, result: Callable[[Path], object], lines: list[dict[str, Any]], posted: list[dict[str, Any]]
) -> dict[str, int]:
    """Keep everything in a folder, and return the files of the result with their sizes."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "log.txt").write_text("".join(f"{logged(line)}\n" for line in lines), encoding="utf-8")
    (place / "statistics.json").write_text(json.dumps(posted, indent=2), encoding="utf-8")
    folder = place / "result"
    result(folder)
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _one_dataset(source: str) -> DatasetSource:
    datasets = read(source).datasets
    if len(datasets) != 1:
        message = f"{source!r} holds {len(datasets)} datasets; name the folder or the file of one"
        raise CommandError(message, USAGE)
    return datasets[0]


def _has_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
