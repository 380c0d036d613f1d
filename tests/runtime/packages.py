"""Packages that are made here, so that installing them needs no network."""

from __future__ import annotations

import textwrap
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

#: A build backend that needs nothing: it runs `build.py` of the package and puts what that prints into a module `seen`.
_BACKEND = f"""
    import os, runpy, subprocess, sys, zipfile

    def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
        said = subprocess.check_output([sys.executable, "build.py"], universal_newlines=True)
        name = "seen-1.0-py3-none-any.whl"
        info = "seen-1.0.dist-info/"
        with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
            wheel.writestr("seen.py", "said = " + repr(said))
            wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: seen\\nVersion: 1.0\\n")
            wheel.writestr(info + "WHEEL", {_WHEEL!r})
            wheel.writestr(info + "RECORD", "")
        return name
"""


def make_wheel(folder: Path, name: str, version: str = "1.0", value: object = None) -> Path:
    """Write a wheel with a module that has an attribute `value` and a program of the same name that prints it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"value = {value!r}\ndef main(): print(value)\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", _WHEEL)
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name}={name}:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def make_project(folder: Path, text: str) -> Path:
    """Write a project `seen` whose building runs a program; what that prints becomes `seen.said`."""
    folder.mkdir(parents=True)
    (folder / "build.py").write_text(textwrap.dedent(text))
    (folder / "backend.py").write_text(textwrap.dedent(_BACKEND))
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "seen"\nversion = "1.0"\n'
    )
    return folder
