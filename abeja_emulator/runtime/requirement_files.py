"""What a source directory asks for: `Pipfile`, its lock and `requirements.txt`, and all they refer to.

The platform's runner takes `Pipfile` before `requirements.txt` (behaviour.md, 1.3). `pip` and `uv` read no Pipfile,
so that one becomes the lines of a requirements file. Hashes of a lock are left out: with one of them pip wants
one of everything, also of what an image carries.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:$|[\[<>=!~;@\s(,])")
#: A requirement that is a path or a URL, and the project's name in one.
_PLACE = re.compile(r"/|^\.|\.(whl|zip|tar|tgz|gz|bz2|xz)(\s|$|[\[;#])")
_NAME_IN_PLACE = re.compile(r"#egg=([\w.-]+)|(?:^|/)([A-Za-z0-9][\w.-]*?)-\d[^/]*\.(?:whl|zip|tar|tgz)")
#: What stands before the place in `name[extra] @ place`.
_AT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\]\s*)?@\s*")
_OPTION = re.compile(
    r"(?:(?P<file>-r|--requirement)|(?P<constraints>-c|--constraint)|(?P<editable>-e|--editable)"
    r"|(?P<links>-f|--find-links))"
    r"(?:\s*=\s*|\s*)(?P<value>\S.*)"
)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
#: Folders and files that installing makes, or that no build reads and may be large.
_UNREAD = re.compile(r"\.git|\.venv|\.tox|node_modules|__pycache__|build|abejainc_training_result|.*\.egg-info|.*\.pyc")


class RequirementsError(RuntimeError):
    """What a job asks for cannot be installed; the platform ends such a job with exit code 1.

    Attributes:
        exit_code: of the installer, or None when it never ran.
        output: its last lines.
    """

    def __init__(self, message: str, exit_code: int | None = None, output: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.output = tuple(output)


class Wanted(NamedTuple):
    """What a job asks for.

    Attributes:
        file: `Pipfile` or `requirements.txt`.
        digest: says what is in it and in all it refers to.
        projects: the projects it names itself, in their canonical form.
        made: lines of a requirements file made of a Pipfile, or None.
        remarks: what a person should know.
        folders: whether folders of this machine are built and installed.
    """

    file: str
    digest: str
    projects: frozenset[str]
    made: tuple[str, ...] | None = None
    remarks: tuple[str, ...] = ()
    folders: bool = False


def wanted_of(root: Path) -> Wanted | None:
    """Return what the files in a root ask for.

    Raises:
        RequirementsError: when the Pipfile or its lock cannot be read.
    """
    if (root / "Pipfile").is_file():
        return _of_pipfile(root)
    if (root / "requirements.txt").is_file():
        reading = _Reading(root)
        reading.read_file(root / "requirements.txt")
        return Wanted("requirements.txt", reading.digest(), frozenset(reading.projects), folders=reading.folders)
    return None


class _Reading:
    """Reads requirement files for what decides about their environment: their text, and all they refer to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, str] = {}
        self._read: set[tuple[str, bool]] = set()
        self.projects: set[str] = set()
        self.folders = False

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(sorted(self._seen.items())).encode()).hexdigest()

    def read_file(self, path: Path, *, constraint: bool = False) -> None:
        name = self._name(path)
        if (name, constraint) in self._read:
            return
        self._read.add((name, constraint))
        try:
            content = path.read_bytes()
        except OSError:  # the installer says what is wrong with it
            self._seen[name] = "unreadable"
            return
        self._seen[name] = hashlib.sha256(content).hexdigest()
        self.read_lines(content.decode(errors="replace"), path.parent, constraint=constraint)

    def read_lines(self, text: str, folder: Path, *, constraint: bool = False) -> None:
        for line in re.sub(r"\\\r?\n", "", text).splitlines():
            requirement = re.sub(r"(^|\s)#.*", "", line).strip()
            for variable in _VARIABLE.findall(requirement):
                self._seen[f"${variable}"] = os.environ.get(variable, "")
            expanded = _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), requirement)
            option = _OPTION.fullmatch(expanded)
            if option is None:
                self._read_requirement(expanded, folder, constraint=constraint)
            elif option["file"] or option["constraints"]:
                file = folder / option["value"].strip("\"'")
                self.read_file(file, constraint=constraint or bool(option["constraints"]))
            else:
                name = project_of(option["value"]) if option["editable"] else None
                if name is not None and not constraint:
                    self.projects.add(name)
                self._read_place(
                    option["value"], folder, editable=bool(option["editable"]), links=bool(option["links"])
                )

    def _read_requirement(self, requirement: str, folder: Path, *, constraint: bool) -> None:
        if not requirement or requirement.startswith("-"):
            return
        name = project_of(requirement)
        if name is not None and not constraint:
            self.projects.add(name)
        place = _AT.sub("", requirement)
        if place != requirement or _PLACE.search(requirement):
            self._read_place(place, folder)

    def _read_place(self, text: str, folder: Path, *, editable: bool = False, links: bool = False) -> None:
        """Note what is at a place, when it is one of this machine."""
        text = re.sub(r"\s;.*|\s--.*|^file:(//)?", "", text.strip()).strip().strip("\"'")
        text = re.sub(r"\[[^\]/]*\]$|#.*", "", text)
        if not text or "://" in text:
            return
        # pip takes a path to be relative to the current directory, for other options to the file it stands in.
        for base in dict.fromkeys((self._root, folder)):
            path = base / text
            if path.is_dir():
                self.folders = self.folders or not links
                if editable:  # the environment then refers to that very folder
                    self._seen[f"editable {text}"] = str(path.resolve())
                for file in sorted(_files(path)):
                    self._note(file)
            elif path.is_file():
                self._note(path)

    def _note(self, path: Path) -> None:
        digest = hashlib.sha256()
        with suppress(OSError), path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        self._seen[self._name(path)] = digest.hexdigest()

    def _name(self, path: Path) -> str:
        """Return a file's name that is the same wherever a job's archive was unpacked."""
        return os.path.relpath(path, self._root)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _UNREAD.fullmatch(name)]
        yield from (Path(place, name) for name in files if not _UNREAD.fullmatch(name))


def _of_pipfile(root: Path) -> Wanted:
    """Return what a Pipfile asks for, as its lock says it, or else as it says itself, as the runner does."""
    try:
        pipfile = _toml((root / "Pipfile").read_text(encoding="utf-8"))
        lock_file = root / "Pipfile.lock"
        lock = json.loads(lock_file.read_text(encoding="utf-8")) if lock_file.is_file() else None
        table = pipfile.get("packages", {}) if lock is None else lock.get("default", {})
        sources = pipfile.get("source", []) if lock is None else lock.get("_meta", {}).get("sources", [])
        lines = [*_registries(sources), *(_line(name, entry) for name, entry in sorted(table.items()))]
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        message = (
            f"Pipfile or Pipfile.lock of {root} cannot be read: {reason}. The platform fails such a job with exit code "
            "1. Put it right, or use requirements.txt and no Pipfile"
        )
        raise RequirementsError(message) from error
    reading = _Reading(root)
    reading.read_lines("\n".join(lines), root)
    digest = hashlib.sha256(json.dumps([lines, reading.digest()]).encode()).hexdigest()
    remarks = ("there is no Pipfile.lock: the versions are those of today",) if lock is None else ()
    return Wanted("Pipfile", digest, frozenset(map(_canonical, table)), tuple(lines), remarks, reading.folders)


def _toml(text: str) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises:
        RequirementsError: when nothing that reads one is there.
    """
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"  # pytest brings the other one
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        message = f"a Pipfile is TOML, and the library {name} that reads it is not there; install {name}"
        raise RequirementsError(message) from error
    loaded: dict[str, Any] = module.loads(text)
    return loaded


def _registries(sources: Iterable[dict[str, Any]]) -> list[str]:
    """Return the registries a Pipfile names besides the usual one, for which the machine has settings of its own."""
    return [f"--extra-index-url {source['url']}" for source in sources if source.get("name") != "pypi"]


def _line(name: str, entry: str | dict[str, Any]) -> str:
    """Return a package of a Pipfile or its lock as a line of a requirements file."""
    if isinstance(entry, str):
        return name + _specifier(entry)
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    place = entry.get("path") or entry.get("file")
    if entry.get("git"):
        ref = f"@{entry['ref']}" if entry.get("ref") else ""
        part = f"&subdirectory={entry['subdirectory']}" if entry.get("subdirectory") else ""
        url = f"git+{entry['git'].removeprefix('git+')}{ref}#egg={name}{part}"
        line = f"-e {url}" if entry.get("editable") else url
    elif place:
        line = f"-e {place}{extras}" if entry.get("editable") else f"{place}{extras}"
    else:
        line = name + extras + _specifier(entry.get("version", "*"))
    markers = _markers(entry)
    return f"{line} ; {markers}" if markers else line


def _specifier(version: str) -> str:
    """Return a version of a Pipfile as pip writes it; a bare number means that very version."""
    version = version.strip()
    if version in {"", "*"}:
        return ""
    return f"=={version}" if version[0].isdigit() else version


#: Keys of a Pipfile's package that are markers of their own: `sys_platform = "== 'win32'"`.
_MARKERS = (
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
)


def _markers(entry: dict[str, Any]) -> str:
    found = [str(entry["markers"])] if entry.get("markers") else []
    found += [f"{name} {entry[name]}" for name in _MARKERS if name in entry]
    return found[0] if len(found) == 1 else " and ".join(f"({marker})" for marker in found)


def project_of(requirement: str) -> str | None:
    """Return the project that a requirement names, as a name or in a URL or a file's name."""
    name = _AT.match(requirement)
    if name is None and _PLACE.search(requirement):
        name = _NAME_IN_PLACE.search(requirement)
    name = name or _NAME.match(requirement)
    return _canonical(next(filter(None, name.groups()))) if name is not None else None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
