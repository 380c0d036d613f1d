"""The libraries a job asks for: one isolated environment per content of `requirements.txt` or `Pipfile`.

The platform's runner installs into its image, `Pipfile` before `requirements.txt` (behaviour.md, 1.3). Here the
interpreter of an image is somebody's own, so that an environment is made beside it, and is kept for the next job
that asks for the same. Nothing else is in it but what `python -m venv` puts there: no library of the emulator's
environment, nor of the interpreter's. Images of the platform carry libraries, abeja-sdk among them; name those in
`preinstalled`, or the job has only what its file names.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from abeja_emulator.runtime.handlers import find_root
from abeja_emulator.runtime.interpreters import InterpreterError, version_of
from abeja_emulator.runtime.requirement_files import RequirementsError, Wanted, project_of, wanted_of
from abeja_emulator.runtime.variables import without_foreign
from abeja_emulator.transports.child import abeja_emulator_child as child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from abeja_emulator.runtime.interpreters import Version

    Progress = Callable[[str], object]

__all__ = ["Cancelled", "Environments", "RequirementsError"]

#: Part of what an environment is named after; another number when they are made in another way.
_GENERATION = 1

#: Name of the file that stands in an environment once all is installed.
_COMPLETE = "abeja-emulator-complete.json"
#: Requirements made of a Pipfile, in the environment.
_MADE = "abeja-emulator-requirements.txt"

#: Lines of the installer's that an error repeats.
_TAIL = 40

#: Seconds between two looks whether the job is still wanted.
_PATIENCE = 0.2

_ENV = "/usr/bin/env"
#: Variables that would lead the installer elsewhere: into the emulator, or out of the environment.
_ASTRAY = re.compile(
    r"ABEJA_EMULATOR_.*|PYTHON(PATH|HOME|STARTUP|USERBASE)|__PYVENV_LAUNCHER__|VIRTUAL_ENV"
    r"|PIP_(TARGET|PREFIX|ROOT|USER|PYTHON|REQUIRE_VIRTUALENV)|UV_(PROJECT.*|PYTHON|SYSTEM_PYTHON|TARGET|PREFIX)"
)
#: What leads a child to the emulator.
_GUIDES = (*child.VARIABLES, child.BORN, child.API_URLS, "PYTHONPATH")

#: What installers say when they cannot reach a registry.
_UNREACHABLE = re.compile(
    r"No matching distribution|Could not find a version|connection broken|timed out"
    r"|Failed to fetch|was not found in|no versions? of|Network connectivity"
)


class Cancelled(Exception):
    """Nobody wants the environment any more."""


class Environments:
    """Environments of a machine, made when they are asked for and kept.

    Several processes may share a folder: one builds, the others wait for it. Nothing is ever removed from it
    but what was not finished; the folder may be deleted while no job runs.

    Args:
        folder: where they are made.
        uv: the program `uv`; by default the one on PATH, or the module `uv` of this interpreter. Without one,
            `pip` installs, the one that comes with the job's interpreter.
        pip: install with `pip` even where there is a `uv`.
    """

    def __init__(self, folder: Path, uv: str | Path | None = None, *, pip: bool = False) -> None:
        self._folder = Path(os.path.abspath(folder))  # noqa: PTH100 - as it was named
        self._uv = None if pip else uv_command(uv)
        self._versions: dict[Path, Version] = {}

    def python_for(
        self,
        source: Path,
        interpreter: Path,
        *,
        preinstalled: Iterable[str] = (),
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Path:
        """Return the Python to run a job with: that of its environment, or `interpreter` when it asks for nothing.

        Args:
            source: the job's source directory.
            interpreter: the Python of its image.
            preinstalled: requirements of what the image carries, such as `abeja-sdk>=2.3`; each is installed
                too unless the job itself asks for that project.
            progress: called with each line the installer says, and with a sentence of ours before it
                starts or waits; not called for an environment that is there. What it raises ends the build.
            cancelled: asked several times a second while it installs or waits.

        Raises:
            RequirementsError: when something cannot be installed.
            Cancelled: when `cancelled` says so.
        """
        root = find_root(Path(os.path.abspath(source)))  # noqa: PTH100 - as it was named
        wanted = wanted_of(root)
        if wanted is None:
            return interpreter
        version = self._version_of(interpreter)
        # Two Pythons are told apart by what they say and by where they are: a link in a virtual environment
        # and what it points to are two.
        place = os.path.abspath(interpreter)  # noqa: PTH100
        extra = [line for line in preinstalled if project_of(line) not in wanted.projects]
        identity = [_GENERATION, place, list(version), bool(self._uv), extra, wanted.digest]
        name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
        build = _Build(
            folder=self._folder / name,
            root=root,
            wanted=wanted,
            extra=tuple(extra),
            interpreter=Path(place),
            described=f"Python {version} ({place})",
            uv=self._uv,
            progress=progress or _say_nothing,
            cancelled=cancelled or _never,
        )
        if not build.is_there():
            try:
                self._make(build)
            except OSError as error:
                message = (
                    f"{wanted.file} of {root} cannot be installed for {build.described} in {self._folder}: {error}; "
                    "make room there and let this user write there, or name another folder for environments"
                )
                raise RequirementsError(message) from error
        return build.python

    def _make(self, build: _Build) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with _locked(self._folder / f"{build.folder.name}.lock", build) as lock:
            # Another process may have built it while this one waited.
            if not build.is_there():
                build.make(lock)

    def _version_of(self, interpreter: Path) -> Version:
        if interpreter not in self._versions:
            try:
                self._versions[interpreter] = version_of(interpreter)
            except InterpreterError as error:
                raise RequirementsError(str(error)) from error
        return self._versions[interpreter]


@dataclass(frozen=True)
class _Build:
    """One environment, there or not yet there."""

    folder: Path
    root: Path
    wanted: Wanted
    extra: tuple[str, ...]
    interpreter: Path
    described: str
    uv: tuple[str, ...] | None
    progress: Progress
    cancelled: Callable[[], bool]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def is_there(self) -> bool:
        # The interpreter it was made of may be gone, and its link then leads nowhere.
        return (self.folder / _COMPLETE).is_file() and self.python.exists()

    def make(self, lock: BinaryIO) -> None:
        """Build it where it stays, since the scripts in it name their place; the file `_COMPLETE` comes last.

        The installer holds the lock as well, so that one that outlives this process keeps others out.
        """
        with suppress(FileNotFoundError):
            (self.folder / _COMPLETE).unlink()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.progress(f"installing {self.wanted.file} of {self.root} for {self.described}")
        for remark in self.wanted.remarks:
            self.progress(remark)
        try:
            self._make_environment(lock)
            self._install(lock)
            made = self.folder / f"{_COMPLETE}.part"
            made.write_text(json.dumps({"file": self.wanted.file, "python": self.described}))
            made.replace(self.folder / _COMPLETE)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _make_environment(self, lock: BinaryIO) -> None:
        make = [str(self.interpreter), "-I", "-m", "venv", str(self.folder)]
        if self.uv is None:
            code, output = self._run(make, lock)
        else:
            code, output = self._run([*make, "--without-pip"], lock)
            if code != 0:
                shutil.rmtree(self.folder, ignore_errors=True)
                make = [*self.uv, "venv", "--no-project", "--python", str(self.interpreter), str(self.folder)]
                code, output = self._run(make, lock)
            carried = _carried(self.python) if code == 0 else []
            if carried:
                code, output = self._run([*self._installer(), "--offline", "--no-index", "--no-deps", *carried], lock)
        if code != 0:
            advice = "Its modules venv and ensurepip must work; on Debian and Ubuntu they are in python3-venv."
            self._fail("no environment could be made", code, output, advice)

    def _install(self, lock: BinaryIO) -> None:
        file = self.root / self.wanted.file
        if self.wanted.made is not None:
            file = self.folder / _MADE
            file.write_text("".join(f"{line}\n" for line in self.wanted.made))
        # uv would take a folder to be unchanged as long as its pyproject.toml is as old as before.
        fresh = ["--refresh"] if self.uv is not None and self.wanted.folders else []
        code, output = self._run([*self._installer(), *fresh, "-r", str(file), *self.extra], lock)
        if code != 0:
            self._fail("they cannot be installed", code, output, self._advice(output))

    def _installer(self) -> list[str]:
        if self.uv is not None:
            return [*self.uv, "pip", "install", "--no-progress", "--color", "never", "--python", str(self.python)]
        return [str(self.python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-color"]

    def _advice(self, output: Iterable[str]) -> str:
        if not any(map(_UNREACHABLE.search, output)):
            return "Put right what the file asks for, or name another interpreter for the image."
        settings = "uv does not read the settings of pip: its own are UV_DEFAULT_INDEX and uv.toml."
        if self.uv is None:
            settings = "The pip of an old Python may not understand a registry of today; uv does, when it is on PATH."
        return (
            "If the versions exist, the registry was not reached. On a machine without a network, gather the files on "
            "one that has it (pip download -r requirements.txt -d wheels) and let the file start with the lines "
            f"--no-index and --find-links ./wheels. {settings}"
        )

    def _fail(self, what: str, code: int, output: Sequence[str], advice: str) -> NoReturn:
        tool = "uv" if self.uv is not None else "pip"
        said = "".join(f"\n  {line}" for line in output) or "\n  (nothing)"
        message = (
            f"{self.wanted.file} of {self.root} asks for libraries, and {what} with {tool} for {self.described}: exit "
            f"code {code}. The platform fails such a job with exit code 1. {advice} The last lines it said:{said}"
        )
        raise RequirementsError(message, code, output)

    def _run(self, command: Sequence[str], lock: BinaryIO) -> tuple[int, list[str]]:
        """Run a program in the source's root, out of reach of an emulation of this process."""
        tail: deque[str] = deque(maxlen=_TAIL)
        with subprocess.Popen(  # noqa: S603 - the interpreter and the installer of the user's
            _unguarded(command),
            cwd=self.root,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        ) as process:
            try:
                for line in _lines(process, self.cancelled):
                    tail.append(line)
                    self.progress(line)
                process.wait()
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        return process.returncode, list(tail)


@contextmanager
def _locked(path: Path, build: _Build) -> Iterator[BinaryIO]:
    """Hold the lock of an environment; the system lets go of it when the last process that has it ends."""
    with path.open("wb") as file:
        waiting = False
        while not _try_to_lock(file):
            if not waiting:
                build.progress(f"another job installs {build.wanted.file} for {build.described}; waiting for it")
                waiting = True
            if build.cancelled():
                raise Cancelled
            threading.Event().wait(_PATIENCE)
        yield file


def _try_to_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lines(process: subprocess.Popen[bytes], cancelled: Callable[[], bool]) -> Iterator[str]:
    """Yield what a process says, line by line."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if cancelled():
                raise Cancelled
            if not selector.select(_PATIENCE):
                continue
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                break
            *lines, rest = (rest + piece).replace(b"\r", b"\n").split(b"\n")
            yield from (line.decode(errors="replace").rstrip() for line in lines if line.strip())
    if rest.strip():
        yield rest.decode(errors="replace").rstrip()


def _unguarded(command: Sequence[str]) -> list[str]:
    """Return a command whose program, and whatever it starts, finds no way to the emulator in its environment.

    While an emulation is started, `subprocess` puts that into the environment of every child; the Pythons
    that build packages would be refused the registry.
    """
    return [_ENV, *(part for name in _GUIDES for part in ("-u", name)), *command]


def _environment() -> dict[str, str]:
    """Return the environment of an installer: no credentials, since packages run code when they are built."""
    environment = {name: value for name, value in without_foreign(os.environ).items() if not _ASTRAY.fullmatch(name)}
    return {**environment, "PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1"}


def _carried(python: Path) -> list[str]:
    """Return how to install what `venv` would: pip and, before Python 3.12, setuptools, which old libraries expect.

    uv takes a tenth of the time for it. Where the interpreter carries none, the environment does without.
    """
    text = "import ensurepip, os; print(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled'))"
    command = _unguarded([str(python), "-I", "-c", text])
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    names = sorted({path.name.partition("-")[0] for path in Path(said).glob("*.whl")}) if said else []
    return ["--find-links", said, *names] if names else []


def uv_command(uv: str | Path | None) -> tuple[str, ...] | None:
    """Return how `uv` is called, or None when it is not there.

    Raises:
        RequirementsError: when the one that was given is not.
    """
    found = shutil.which(str(uv or "uv"))
    if found is not None:
        return (os.path.abspath(found),)  # noqa: PTH100 - as it was named
    if uv is not None:
        message = f"uv is {str(uv)!r}, and there is no such program; install it, give its path, or let pip install"
        raise RequirementsError(message)
    if importlib.util.find_spec("uv") is not None and sys.executable:
        return (sys.executable, "-I", "-m", "uv")
    return None


def _say_nothing(line: str) -> None:
    del line


def _never() -> bool:
    return False
