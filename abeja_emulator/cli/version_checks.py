"""What the doctor knows of versions: those that were tried together and do not work (docs/matrix.md)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

from abeja_emulator.cli.findings import Finding, normalized
from abeja_emulator.runtime.requirements import uv_command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.cli.findings import Facts, Level

SDK = "abeja-sdk"
COMMAND_LINE = "abejacli"

#: Those whose requirements decide whether a job runs here.
_HELD = (SDK, COMMAND_LINE, "abeja-emulator", "tensorboardx", "keras", "tensorflow", "tensorflow-cpu")

#: What a handler does first; the question before it shows whether something has imported the SDK already.
_IMPORTS = """\
import sys
sys.stdout.write("early" if "abeja" in sys.modules else "late")
sys.stdout.flush()
import abeja.datalake, abeja.datasets, abeja.train
"""

#: What is nice to have: package, how bad it is without, and why.
_EXTRAS: tuple[tuple[str, Level, str], ...] = (
    ("pyyaml", "mind", "seed files and training.yaml in YAML cannot be read"),
    ("rich", "note", "a terminal shows plain lines, and no bars and colours"),
)

#: What calls model handlers, what of ours needs it, and the first Python without a module that it imports.
RUNTIME = "abejaruntime"
_SERVING = "model serve, pipeline, services and runs of serve, and abeja_serve in tests"
_WITHOUT_CGI = (3, 13)

#: Seconds that importing the SDK may take.
_PATIENCE = 120

_CURRENT_SDK = "uv pip install 'abeja-sdk>=2.3,<3' (pip does not find it on Python 3.12 and later)"


def check_versions(facts: Facts) -> Iterator[Finding]:
    """Look at the versions of what is installed."""
    yield from _check_system(facts)
    yield from _check_sdk(facts)
    yield from _check_pairs(facts)
    yield from _check_requirements(facts)
    yield from _check_command_line(facts)
    yield from check_serving(facts)
    yield from _check_extras(facts)


def _check_system(facts: Facts) -> Iterator[Finding]:
    if not facts.system.startswith(("linux", "darwin")):
        yield Finding(
            "breaks",
            f"this system is {facts.system}",
            "jobs need process groups and file locks as Linux and macOS have them",
            "run the emulator on Linux or macOS, or in WSL",
        )
    elif facts.system == "darwin":
        yield Finding(
            "note",
            "this system is macOS",
            "memory and processors of jobs cannot be limited there (--limits); a job's log says so",
            "nothing, unless limits matter; Linux has them",
        )


def _check_sdk(facts: Facts) -> Iterator[Finding]:
    version = facts.version(SDK)
    if version is None:
        yield Finding(
            "breaks",
            f"abeja-sdk is not installed for {sys.executable}",
            "handlers import abeja, and jobs run in this Python unless --python or --image says otherwise",
            _CURRENT_SDK,
        )
        return
    if facts.python >= (3, 12) and version < (2, 2):
        yield Finding(
            "mind",
            f"{facts.shown(SDK)} on Python {facts.python[0]}.{facts.python[1]}",
            "it is of 2021: later releases say that they need a Python before 3.12, so that pip takes this one "
            "without a word",
            _CURRENT_SDK,
        )
    elif facts.python >= (3, 12):
        yield Finding(
            "note",
            f"{facts.shown(SDK)} on Python {facts.python[0]}.{facts.python[1]}",
            "it works, but cannot make a version from a list of file names there: a TypeError before any call",
            "give it an archive or a buffer instead",
        )
    try:
        tried = subprocess.run(  # noqa: S603 - this Python
            [sys.executable, "-c", _IMPORTS],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield Finding(
            "breaks",
            f"importing {facts.shown(SDK)} takes more than {_PATIENCE} seconds",
            "every job begins with that",
            "look at what python -X importtime -c 'import abeja.datasets' waits for",
        )
        return
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or [f"exit code {tried.returncode}"])[-1]
        yield Finding(
            "breaks",
            f"{facts.shown(SDK)} cannot be imported: {said}",
            "every handler that imports it fails",
            "put right what other findings say of versions and variables, or install the SDK anew: " + _CURRENT_SDK,
        )
    if tried.stdout.startswith("early"):
        yield Finding(
            "mind",
            "something imports abeja whenever Python starts (a sitecustomize, usercustomize or .pth file)",
            "the SDK reads ABEJA_API_URL and others only once, when it is imported: code that sets them afterwards, "
            "such as a conftest.py, sets them in vain",
            "import abeja where it is used",
        )


def _check_pairs(facts: Facts) -> Iterator[Finding]:
    sdk = facts.version(SDK)
    if sdk is None:
        return
    urllib3, protobuf, numpy = facts.version("urllib3"), facts.version("protobuf"), facts.version("numpy")
    if urllib3 is not None and urllib3 >= (2,) and sdk < (2, 2, 2):
        yield _pair(
            facts,
            "urllib3",
            "it calls Retry(method_whitelist=…), which urllib3 2 no longer has: a TypeError at every call",
            "urllib3<2",
        )
    if protobuf is not None and protobuf >= (3, 21) and sdk < (2, 1):
        yield _pair(facts, "protobuf", "the generated code of its tensorboardX cannot be imported", "protobuf<3.21")
    if numpy is not None and numpy >= (2, 3) and sdk < (2, 3):
        yield _pair(facts, "numpy", "its tensorboardX makes a scalar of an array, which NumPy refuses", "numpy<2.3")
    if sdk < (1, 1, 5) and facts.python >= (3, 10):
        yield Finding(
            "breaks",
            f"{facts.shown(SDK)} on Python {facts.python[0]}.{facts.python[1]}",
            "its requests and urllib3 import collections.Mapping, which is gone since Python 3.10",
            "use Python 3.9 or older for it, or a later SDK",
        )
    if sdk == (2, 2, 1) and "typing-extensions" not in facts.packages:
        yield Finding(
            "breaks",
            f"{facts.shown(SDK)} without typing_extensions",
            "it imports that, but does not ask for it",
            "pip install typing_extensions, or abeja-sdk>=2.2.2",
        )
    if sdk < (2, 2) and importlib.util.find_spec("pkg_resources") is None:
        yield Finding(
            "breaks",
            f"{facts.shown(SDK)} without pkg_resources",
            "it and its tensorboardX ask that for versions, and newer setuptools no longer have it",
            "pip install 'setuptools<80'",
        )


def _pair(facts: Facts, other: str, why: str, pin: str) -> Finding:
    return Finding(
        "breaks", f"{facts.shown(SDK)} with {facts.shown(other)}", why, f"pip install '{pin}', or a later SDK"
    )


def _check_requirements(facts: Facts) -> Iterator[Finding]:
    """Look at what packages say that they need themselves: pins that somebody has overruled."""
    # A dependency of pytest, which is one of ours.
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - 20 ms

    for name in _HELD:
        for line in facts.packages[name].requires if name in facts.packages else ():
            try:
                wanted = Requirement(line)
            except InvalidRequirement:
                continue
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
                continue
            found = facts.packages.get(normalized(wanted.name))
            if found is not None and wanted.specifier.contains(found.version, prereleases=True):
                continue
            there = "that is not installed" if found is None else f"{found.version} is installed"
            yield Finding(
                "breaks",
                f"{facts.shown(name)} wants {wanted.name}{wanted.specifier}, and {there}",
                _why(name, wanted.name),
                f"pip install '{wanted.name}{wanted.specifier}'; a pin or another package may have brought the other",
            )


def _why(name: str, wanted: str) -> str:
    if name == SDK and normalized(wanted) == "protobuf":
        return "TensorFlow 2.21 and later want protobuf 6, which the SDK forbids; with tensorflow<2.21 both can be had"
    return "it was not made for that, and may fail at any moment"


def _check_command_line(facts: Facts) -> Iterator[Finding]:
    urllib3 = facts.version("urllib3")
    if COMMAND_LINE not in facts.packages:
        return
    if urllib3 is not None and urllib3 >= (2,):
        yield Finding(
            "breaks",
            f"{facts.shown(COMMAND_LINE)} with {facts.shown('urllib3')}",
            "its downloads write nothing, and end with exit code 0",
            "pip install 'urllib3<2' in the environment of the command line",
        )
    yield Finding(
        "note",
        facts.shown(COMMAND_LINE),
        "its download of a source or a result fails when the archive is smaller than 8 KiB; over http it never retries",
        "download small ones with the SDK",
    )


def check_serving(facts: Facts) -> Iterator[Finding]:
    """Look at what serves models."""
    needs_cgi = facts.python >= _WITHOUT_CGI
    if RUNTIME not in facts.packages:
        yield Finding(
            "mind",
            f"{RUNTIME} is not installed",
            f"it calls model handlers: {_SERVING} cannot do without, unless the image is one up to 18.10",
            f"pip install {RUNTIME}{' legacy-cgi' if needs_cgi else ''}",
        )
    elif needs_cgi and "legacy-cgi" not in facts.packages:
        yield Finding(
            "mind",
            f"{facts.shown(RUNTIME)} without the module cgi",
            f"it imports that, and Python {facts.python[0]}.{facts.python[1]} has it no more: {_SERVING} cannot do "
            "without",
            "pip install legacy-cgi",
        )


def _check_extras(facts: Facts) -> Iterator[Finding]:
    if "keras" in facts.packages and not {"tensorflow", "tensorflow-cpu"} & set(facts.packages):
        yield Finding(
            "mind",
            f"{facts.shown('keras')} without TensorFlow",
            "keras.callbacks.TensorBoard, which many handlers use, needs it",
            "pip install 'tensorflow-cpu<2.21'",
        )
    for package, level, why in _EXTRAS:
        if package not in facts.packages:
            yield Finding(level, f"{package} is not installed", why, f"pip install {package}")
    if uv_command(None) is None:
        yield Finding(
            "note",
            "there is no uv",
            "--install-requirements works with pip then, which is slower and may take another abeja-sdk",
            "pip install uv",
        )
