"""Which Python runs a job, and how its image calls a handler, by the image's name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar, Union

from abeja_emulator.runtime.images import Calling, calling_of

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

InterpreterLike = Union[str, Path]

#: The oldest Python that the launcher runs on.
OLDEST = (3, 6)

#: Understood by every Python there is; with -E and -S nothing of its environment or its packages runs.
_QUESTION = (
    "import sys; sys.stdout.write('python %d %d %d %s' % "
    "(tuple(sys.version_info[:3]) + (getattr(sys, 'implementation', sys).__dict__.get('name', 'cpython'),)))"
)

#: Seconds that an interpreter may take to say what it is.
_PATIENCE = 60


class InterpreterError(ValueError):
    """An interpreter that is not there, is none, or is too old; or a map of them that says nothing."""


class Version(NamedTuple):
    """What an interpreter says that it is.

    Attributes:
        number: such as `(3, 8, 18)`.
        implementation: such as `cpython`.
    """

    number: tuple[int, int, int]
    implementation: str

    def __str__(self) -> str:
        return ".".join(map(str, self.number))


@dataclass(frozen=True)
class Interpreters:
    """The interpreter of each image.

    An image is looked for by its name, `abeja-inc/all-cpu:19.10` or `custom/{organization}/{name}:{tag}`, then
    by patterns with `*`, of which the longest that fits wins.

    Attributes:
        default: interpreter of images that no entry names: a path, or a name on PATH such as `python3.8`.
        by_image: name or pattern → interpreter.
        callings: name or pattern → `object`, `dict` or `script`, for images whose name does not tell.

    Raises:
        InterpreterError: when an entry names no interpreter, or a calling that does not exist.
    """

    default: InterpreterLike = sys.executable
    by_image: Mapping[str, InterpreterLike] = field(default_factory=dict)
    callings: Mapping[str, str] = field(default_factory=dict)
    #: What is on PATH and in the current directory is looked up once: jobs may change either.
    _found: dict[str, Path] = field(init=False, repr=False, compare=False, default_factory=dict)
    _folder: Path = field(init=False, repr=False, compare=False, default_factory=Path.cwd)

    def __post_init__(self) -> None:
        for pattern, interpreter in [("*", self.default), *self.by_image.items()]:
            if not str(interpreter).strip() or not pattern.strip():
                message = (
                    f"image {pattern!r} has the interpreter {str(interpreter)!r}; name both, the interpreter as a "
                    "path or as a name on PATH, such as python3.8"
                )
                raise InterpreterError(message)
        known = [calling.name.lower() for calling in Calling]
        for pattern, calling in self.callings.items():
            if calling not in known:
                message = f"image {pattern!r} has the calling {calling!r}; it must be one of {', '.join(known)}"
                raise InterpreterError(message)

    def for_image(self, image: str) -> Path:
        """Return the interpreter of an image, as it was named.

        A link is not followed: what that of a virtual environment points to knows nothing of its libraries.

        Raises:
            InterpreterError: when it is not there, cannot be executed, or is no Python that jobs can run in.
        """
        named = _nearest(self.by_image, image)
        interpreter = str(self.default if named is None else named)
        if interpreter not in self._found:
            what = f"the interpreter of image {image!r}" if named is not None else "the interpreter of jobs"
            self._found[interpreter] = self._checked(interpreter, what)
        return self._found[interpreter]

    def calling_of(self, image: str) -> Calling:
        """Return how an image calls a training handler."""
        named = _nearest(self.callings, image)
        return calling_of(image) if named is None else Calling[named.upper()]

    def _checked(self, interpreter: str, what: str) -> Path:
        path = self._located(interpreter, what)
        version = version_of(path, what)
        if version.number < OLDEST:
            message = (
                f"{what}, {path}, is Python {version}, and jobs run in Python {OLDEST[0]}.{OLDEST[1]} and later; "
                "name a newer one"
            )
            raise InterpreterError(message)
        return path

    def _located(self, interpreter: str, what: str) -> Path:
        if os.sep not in interpreter and not interpreter.startswith("~"):
            found = shutil.which(interpreter)
            if found is None:
                message = f"{what} is {interpreter!r}, and PATH has no such program; install it, or give its path"
                raise InterpreterError(message)
            return Path(os.path.abspath(found))  # noqa: PTH100 - resolve() would leave the environment
        path = self._folder / Path(interpreter).expanduser()
        if not path.is_file():
            reason = "is a folder; name the program in it, bin/python" if path.is_dir() else "does not exist"
        elif not os.access(path, os.X_OK):
            reason = f"may not be executed; chmod +x {path}, or name another"
        else:
            return Path(os.path.abspath(path))  # noqa: PTH100 - the same
        message = f"{what} is {interpreter!r}, and {path} {reason}"
        raise InterpreterError(message)


def version_of(interpreter: Path, what: str = "the interpreter") -> Version:
    """Ask an interpreter what it is.

    Args:
        interpreter: path of it.
        what: whose it is, for the error.

    Raises:
        InterpreterError: when it cannot be started, or does not answer as a Python does.
    """
    command = [str(interpreter), "-E", "-S", "-c", _QUESTION]
    try:
        answer = subprocess.run(  # noqa: S603 - what the user named
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except OSError as error:
        message = f"{what}, {interpreter}, cannot be started: {error.strerror or error}; name another"
        raise InterpreterError(message) from error
    except subprocess.TimeoutExpired as error:
        message = f"{what}, {interpreter}, did not say its version within {_PATIENCE} seconds; it may be no Python"
        raise InterpreterError(message) from error
    words = answer.stdout.decode(errors="replace").split()
    if answer.returncode == 0 and len(words) == 5 and words[0] == "python":  # noqa: PLR2004 - the form of the question
        return Version((int(words[1]), int(words[2]), int(words[3])), words[4])
    said = (answer.stderr or answer.stdout).decode(errors="replace").strip().splitlines()
    message = (
        f"{what}, {interpreter}, is no Python that works: asked for its version it ended with exit code "
        f"{answer.returncode} and said {said[-1] if said else 'nothing'!r}; name another"
    )
    raise InterpreterError(message)


def _nearest(table: Mapping[str, T], image: str) -> T | None:
    """Return the entry of an image: its own, or that of the longest pattern that fits."""
    if image in table:
        return table[image]
    fitting = [pattern for pattern in table if fnmatchcase(image, pattern)]
    return table[max(fitting, key=len)] if fitting else None
