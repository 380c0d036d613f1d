"""A training job of a platform of this process: seen while it runs, and kept when it has ended."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.archives import unpack
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.exits import FAILED, OF_STATUS, USAGE, CommandError
from abeja_emulator.cli.follow import Follower
from abeja_emulator.cli.kept import RESULT, RESULTS
from abeja_emulator.cli.plot import curves
from abeja_emulator.cli.project import LARGE, pack_source
from abeja_emulator.cli.showing import Showing, logged, showing
from abeja_emulator.errors import Conflict
from abeja_emulator.report.summary import seconds, size
from abeja_emulator.runtime.source_folders import mark_kept
from abeja_emulator.services.training.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from abeja_emulator.cli.output import Output
    from abeja_emulator.cli.project import Project
    from abeja_emulator.cli.signals import Signals
    from abeja_emulator.platform import Platform
    from abeja_emulator.server import Server
    from abeja_emulator.services.training.records import TrainingJob

#: Seconds between two looks at what is new.
_PACE = 0.1

#: Runs that begin in the same second.
_TRIES = 1000


def place_of(keep: str | None) -> Path:
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


def archive_of(folder: Path, project: Project, excluded: Iterable[str], place: Path, output: Output) -> bytes:
    """Return a zip of a source folder without what is no part of it, and remark that it is large, if it is.

    Args:
        folder: the folder.
        project: what its `training.yaml` says.
        excluded: patterns of files that the command line leaves out.
        place: where the job's result will be.
        output: where that is remarked.
    """
    archive = pack_source(folder, (*project.ignores, *excluded), [place, Path(RESULTS)])
    if len(archive) > LARGE:
        output.remark(f"the source folder {folder} packs to {size(len(archive))}; --exclude leaves parts of it out")
    return archive


class Training:
    """A job of a platform of this process, from its beginning to what is left of it.

    Args:
        platform: where it is.
        server: runs it.
        output: where it is shown.
        event: what a program is told of its end as.
    """

    def __init__(self, platform: Platform, server: Server, output: Output, event: str = "result") -> None:
        self._platform = platform
        self._server = server
        self._output = output
        self._event = event
        self._posted: list[dict[str, Any]] = []
        self._lines: list[dict[str, Any]] = []

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
        # Of one that never began there is nothing to keep.
        began = job.seconds is not None or bool(self._lines)
        kept = _kept(place, self._result(job), self._lines, self._posted) if began else {}
        facts = [f"job {job_id}", job.status, "" if job.seconds is None else seconds(job.seconds)]
        self._output.line()
        self._output.line("  ".join(filter(None, facts)))
        if job.status_message:
            self._output.line(job.status_message)
        for line in curves(self._posted, unicode=_has_unicode()):
            self._output.line(line)
        for name, count in kept.items():
            self._output.line(f"  {name}  {size(count)}")
        self._output.line(f"kept in {place}" if began else "it never began, and nothing is kept")
        self._output.document(
            {
                "event": self._event,
                "job_id": job_id,
                "status": job.status,
                "status_message": job.status_message,
                "seconds": job.seconds,
                "artifacts": kept,
                "folder": str(place) if began else None,
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
    mark_kept(place)
    folder = place / RESULT
    result(folder)
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _has_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
