"""Make the environments of the real clients that `tests/conformance` calls as witnesses, each below `.venv-clients/`.

`make clients` runs it. What is there already, as it is wanted here, is left alone; an environment whose interpreter is
not installed is named and skipped. Names of environments as arguments make only those; `--list` shows what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).resolve().parents[1] / ".venv-clients"

#: Says in each environment what it was made of; written last, so that one that was not finished has none.
STAMP = "made.json"

#: Builds at once: they wait for the network more than they calculate.
AT_ONCE = 3


class Client(NamedTuple):
    """An environment to be.

    Attributes:
        pythons: the interpreters that will do, the first that is installed is taken.
        requirements: what is installed.
    """

    pythons: tuple[str, ...]
    requirements: tuple[str, ...]


class MakingError(Exception):
    """An environment could not be made."""


OLD = ("3.8", "3.9", "3.10", "3.11")

# Their generated code wants an old protobuf, their retries the argument that urllib3 2 has no more, their
# tensorboardX pkg_resources and a NumPy that makes a scalar of an array. docs/matrix.md has the facts.
FIRST_SDKS = ("protobuf<3.21", "urllib3<2", "setuptools<80", "numpy<2.3")

#: As the extra `serving` of this package has it.
RUNTIME = "abejaruntime==1.1.1"

CLIENTS = {
    # With urllib3 2 its downloads do nothing and succeed; it reads its own version with pkg_resources.
    "cli": Client(("3.11", "3.10", "3.9", "3.8"), ("abejacli==2.2.8", "urllib3<2", "setuptools<80")),
    "sdk102": Client(("3.8",), ("abeja-sdk==1.0.2",)),
    "sdk131": Client(OLD, ("abeja-sdk==1.3.1", *FIRST_SDKS)),
    "sdk200": Client(OLD, ("abeja-sdk==2.0.0", *FIRST_SDKS)),
    "sdk212": Client(OLD, ("abeja-sdk==2.1.2", *FIRST_SDKS)),
    "sdk224": Client(OLD, ("abeja-sdk==2.2.4", "numpy<2.3")),
    "sdk236": Client(OLD, ("abeja-sdk==2.3.6",)),
    # The newest SDKs of interpreters that are older than any this package runs on, and the runtime of models.
    "py36": Client(("3.6",), ("abeja-sdk==2.1.2", *FIRST_SDKS, RUNTIME)),
    "py37": Client(("3.7",), ("abeja-sdk==2.2.4", "numpy<2.3", RUNTIME)),
}


def find_uv() -> str:
    """Return the uv of this environment, or that on PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        sys.exit("uv is not there: `make clients` installs it into .venv-test first, or `pip install uv`")
    return found


def environment() -> dict[str, str]:
    """Return the variables of uv: interpreters of pyenv count too, none is downloaded, no environment is active."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    pyenv = sorted(str(folder) for folder in root.glob("versions/3.*/bin"))
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "UV_PYTHON"}}
    path = os.pathsep.join([kept.get("PATH", os.defpath), *pyenv])
    return {**kept, "PATH": path, "UV_PYTHON_DOWNLOADS": "never"}


def run(*command: str) -> str:
    """Run a command and return what it says.

    Raises:
        MakingError: when it fails; it has what the command said.
    """
    done = subprocess.run(  # noqa: S603 - our own command
        command, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MakingError(done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}")
    return done.stdout.strip()


def interpreter(uv: str, python: str) -> str | None:
    """Return the path of an interpreter, if it is installed."""
    try:
        return run(uv, "python", "find", "--no-project", "--system", python)
    except MakingError:
        return None


def stamp(name: str) -> dict[str, Any] | None:
    """Return what an environment was made of; None when it is not there, or its interpreter has gone since."""
    folder = FOLDER / name
    try:
        made = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return made if isinstance(made, dict) and python_of(name).exists() else None


def python_of(name: str) -> Path:
    """Return the interpreter of an environment."""
    return FOLDER / name / "bin" / "python"


def is_made(name: str) -> bool:
    """Tell whether an environment is there and is what is wanted now."""
    client, made = CLIENTS[name], stamp(name)
    return made is not None and made["python"] in client.pythons and made["requirements"] == list(client.requirements)


def make(uv: str, name: str) -> str:
    """Make one environment, if it is not there, and return a sentence about it.

    Raises:
        MakingError: when that fails.
    """
    if is_made(name):
        return f"{name}: is there"
    client = CLIENTS[name]
    installed = ((python, interpreter(uv, python)) for python in client.pythons)
    version, path = next(((python, path) for python, path in installed if path), ("", ""))
    if not path:
        return f"{name}: skipped, because there is no Python {' or '.join(client.pythons)} here; install one"
    began = time.monotonic()
    folder = FOLDER / name
    run(uv, "venv", "--quiet", "--clear", "--no-project", "--python", path, str(folder))
    run(uv, "pip", "install", "--quiet", "--python", str(python_of(name)), *client.requirements)
    listed = json.loads(run(uv, "pip", "list", "--quiet", "--format", "json", "--python", str(python_of(name))))
    made = {
        "python": version,
        "requirements": list(client.requirements),
        "installed": {package["name"]: package["version"] for package in listed},
    }
    (folder / STAMP).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return f"{name}: made with Python {version} in {time.monotonic() - began:.0f} s"


def shown(name: str) -> str:
    """Return a line about an environment as it is."""
    made = stamp(name)
    if made is None:
        return f"{name}: is not there; `make clients` makes it"
    packages = ", ".join(f"{package} {version}" for package, version in sorted(made["installed"].items()))
    return f"{name}: Python {made['python']}; {packages}"


def attempt(uv: str, name: str) -> tuple[bool, str]:
    """Make one environment; return whether nothing went wrong, and a sentence."""
    try:
        return True, make(uv, name)
    except MakingError as error:
        return False, f"{name}: could not be made\n{error}"


def main() -> None:
    """Make all environments, or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(CLIENTS)}; all by default")
    parser.add_argument("--list", action="store_true", help="show what is there, and make nothing")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in CLIENTS]
    if unknown:
        parser.error(f"there is no environment {', '.join(unknown)}; there are {', '.join(CLIENTS)}")
    names = arguments.names or list(CLIENTS)
    if arguments.list:
        print("\n".join(map(shown, names)))
        return
    uv = find_uv()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        failures = 0
        for succeeded, sentence in pool.map(lambda name: attempt(uv, name), names):
            print(sentence, flush=True)
            failures += not succeeded
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
