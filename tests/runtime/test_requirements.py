"""Environments that are really made, of wheels on this disk; nothing here needs a network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.requirements import Cancelled, Environments, RequirementsError, uv_command
from abeja_emulator.transports.child_processes import ChildProcesses
from abeja_emulator.transports.children import child_environment
from tests.runtime.packages import make_project, make_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON = Path(sys.executable)

#: Requirements that need no network start with this.
HERE = "--no-index\n--find-links ./wheels\n"

#: Run in another process: asks for the environment of the folder, and says what happens.
ASK = """
import sys
from pathlib import Path
from abeja_emulator.runtime.requirements import Environments
source, folder = map(Path, sys.argv[1:])
environments = Environments(folder)
def say(line): print(line, flush=True)
say("result " + str(environments.python_for(source, Path(sys.executable), progress=say)))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source directory with a wheel of `greeting` whose value is `hello`, and one of `other`."""
    folder = tmp_path / "source"
    make_wheel(folder / "wheels", "greeting", value="hello")
    make_wheel(folder / "wheels", "other", value="more")
    return folder


@pytest.fixture(params=["pip", "uv"])
def environments(request: pytest.FixtureRequest, tmp_path: Path) -> Environments:
    """Environments made by each of the two installers."""
    if request.param == "uv" and uv_command(None) is None:
        pytest.skip("there is no uv on PATH")
    return Environments(tmp_path / "environments", pip=request.param == "pip")


@pytest.fixture
def either(tmp_path: Path) -> Environments:
    """Environments made by whichever installer is there, for what does not depend on it."""
    return Environments(tmp_path / "environments")


@pytest.fixture
def ask(source: Path, tmp_path: Path) -> Callable[[], subprocess.Popen[str]]:
    """Start another process that asks for the environment of `source`."""

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", ASK, str(source), str(tmp_path / "environments")]
        # So that the installer's own folder goes with it, and no cache is shared.
        root = str(Path(__file__).parents[2])
        environment = {**os.environ, "PYTHONPATH": root, "TMPDIR": str(tmp_path)}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    return start


def run(python: Path, text: str) -> str:
    """Return what a program prints in an environment."""
    return subprocess.check_output([python, "-I", "-c", text], text=True, timeout=60).strip()


def test_a_source_that_asks_for_nothing(either: Environments, source: Path, tmp_path: Path) -> None:
    """The interpreter itself runs it, and nothing is made."""
    assert either.python_for(source, PYTHON, preinstalled=["greeting"]) == PYTHON
    assert not (tmp_path / "environments").exists()


def test_an_environment_is_isolated_and_kept(environments: Environments, source: Path, tmp_path: Path) -> None:
    """It has what was asked for, pip, its programs, and none of our libraries; the second job finds it made."""
    (source / "requirements.txt").write_text(HERE + "greeting\n")
    said: list[str] = []
    python = environments.python_for(source, PYTHON, progress=said.append)
    assert said[0].startswith(f"installing requirements.txt of {source} for Python {sys.version.split()[0]} (")
    assert len(said) > 1
    assert (python.parent.parent.parent, python.parts[-2:]) == (tmp_path / "environments", ("bin", "python"))
    found = "import greeting, importlib.util as u; print(greeting.value, *[bool(u.find_spec(n)) for n in names])"
    assert (
        run(python, f"names = ['pip', 'pytest', 'abeja_emulator', 'other']; {found}") == "hello True False False False"
    )
    assert subprocess.check_output([python.parent / "greeting"], text=True) == "hello\n"

    said.clear()
    assert environments.python_for(source, PYTHON, progress=said.append) == python
    moved = shutil.copytree(source, tmp_path / "unpacked elsewhere")
    assert environments.python_for(moved, PYTHON, progress=said.append) == python
    assert said == []


def test_the_parent_of_abeja_is_the_root(either: Environments, source: Path) -> None:
    """Paths in the file are relative to it, since the platform changes to it first."""
    (source / "requirements.txt").write_text("not-there\n")
    root = shutil.copytree(source, source / "project")
    (root / ".abeja").mkdir()
    (root / "requirements.txt").write_text("./wheels/greeting-1.0-py3-none-any.whl\n")
    assert run(either.python_for(source, PYTHON), "import greeting; print(greeting.value)") == "hello"


def test_files_that_are_referred_to(environments: Environments, source: Path) -> None:
    """Others of requirements and of constraints, and a folder that is installed as it is there."""
    make_wheel(source / "wheels", "greeting", "2.0", value="hello again")
    make_project(source / "mine", "print('built')")
    (source / "more").mkdir()
    (source / "more" / "others.txt").write_text("greeting\n-c limits.txt\n")
    (source / "more" / "limits.txt").write_text("greeting<2\n")
    (source / "requirements.txt").write_text(HERE + "-r more/others.txt\n./mine\n")
    text = "import greeting, seen; print(greeting.value, seen.said)"
    assert run(environments.python_for(source, PYTHON), text) == "hello built"
    (source / "more" / "limits.txt").write_text("greeting<3\n")
    assert run(environments.python_for(source, PYTHON), text) == "hello again built"


def test_what_an_image_carries(either: Environments, source: Path) -> None:
    """It is installed too, unless the job asks for that project itself, however it is written."""
    make_wheel(source / "wheels", "abeja_sdk", "1.0", value="old")
    make_wheel(source / "wheels", "abeja_sdk", "2.0", value="new")
    text = "import abeja_sdk; print(abeja_sdk.value)"
    (source / "requirements.txt").write_text(HERE + "greeting\n")
    assert run(either.python_for(source, PYTHON, preinstalled=["abeja-sdk>=2"]), text) == "new"
    (source / "requirements.txt").write_text(HERE + "Abeja.SDK<2\n")
    assert run(either.python_for(source, PYTHON, preinstalled=["abeja-sdk>=2"]), text) == "old"


def test_a_build_that_fails(environments: Environments, source: Path, tmp_path: Path) -> None:
    """It says what the installer said, its exit code, and what to do; nothing of it is kept."""
    (source / "requirements.txt").write_text(HERE + "greeting\nabsent-library==1.0\n")
    with pytest.raises(RequirementsError, match="absent-library") as caught:
        environments.python_for(source, PYTHON)
    assert caught.value.exit_code == 1
    assert any("absent-library" in line for line in caught.value.output)
    assert str(caught.value).startswith(
        f"requirements.txt of {source} asks for libraries, and they cannot be installed"
    )
    assert "The platform fails such a job with exit code 1." in str(caught.value)
    assert "pip download -r requirements.txt -d wheels" in str(caught.value)
    assert not [path for path in (tmp_path / "environments").iterdir() if path.is_dir()]


def test_a_package_that_cannot_be_built(either: Environments, source: Path) -> None:
    """The end of what it says is in the error; a registry has nothing to do with it."""
    make_project(source / "mine", "raise SystemExit('no compiler')")
    (source / "requirements.txt").write_text("./mine\n")
    with pytest.raises(RequirementsError, match="no compiler") as caught:
        either.python_for(source, PYTHON)
    assert "pip download" not in str(caught.value)


def test_a_folder_that_changed_is_built_again(either: Environments, source: Path) -> None:
    """Whatever of it changed; what installing leaves in it is no change."""
    make_project(source / "mine", "print('one')")
    (source / "requirements.txt").write_text("./mine\n")
    text = "import seen; print(seen.said)"
    python = either.python_for(source, PYTHON)
    (source / "mine" / "seen.egg-info").mkdir()
    (source / "mine" / "seen.egg-info" / "PKG-INFO").touch()
    assert either.python_for(source, PYTHON) == python
    assert run(python, text) == "one"
    (source / "mine" / "build.py").write_text("print('two')")
    assert run(either.python_for(source, PYTHON), text) == "two"


def test_what_was_not_finished_is_made_again(either: Environments, source: Path) -> None:
    """Such as by a process that was killed; and one whose interpreter is gone."""
    (source / "requirements.txt").write_text(HERE + "greeting\n")
    python = either.python_for(source, PYTHON)
    (python.parent.parent / "abeja-emulator-complete.json").unlink()
    left = python.parent.parent / "left"
    left.touch()
    said: list[str] = []
    assert either.python_for(source, PYTHON, progress=said.append) == python
    assert said[0].startswith("installing")
    assert not left.exists()

    python.unlink()
    python.symlink_to("/nowhere/python")
    assert run(either.python_for(source, PYTHON), "import greeting; print(greeting.value)") == "hello"


@pytest.mark.parametrize("way", ["interrupt", "cancel"])
def test_somebody_who_does_not_want_it_any_more(either: Environments, source: Path, tmp_path: Path, way: str) -> None:
    """The installer and what it started are killed, and nothing of it is kept."""
    began = tmp_path / "began"
    program = f"import os, signal\nopen({str(began)!r}, 'w').write(str(os.getpid()))\nsignal.pause()"
    make_project(source / "mine", program)
    (source / "requirements.txt").write_text("./mine\n")

    def is_built() -> bool:
        if began.exists() and began.read_text() and way == "interrupt":
            raise KeyboardInterrupt
        return began.exists() and bool(began.read_text())

    with pytest.raises(KeyboardInterrupt if way == "interrupt" else Cancelled):
        either.python_for(source, PYTHON, cancelled=is_built)
    assert not [path for path in (tmp_path / "environments").iterdir() if path.is_dir()]
    # Whoever reaps it may not have come to it.
    status = Path("/proc", began.read_text(), "stat")
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] in "ZX"


def test_two_that_ask_at_once(
    ask: Callable[[], subprocess.Popen[str]], either: Environments, source: Path, tmp_path: Path
) -> None:
    """One makes it, the other waits for that; both get the same."""
    turn = tmp_path / "turn"
    os.mkfifo(turn)
    make_project(source / "mine", f"print(open({str(turn)!r}).read())")
    (source / "requirements.txt").write_text("./mine\n")
    first, said = ask(), []
    assert first.stdout is not None
    assert first.stdout.readline().startswith("installing requirements.txt")

    def go(line: str) -> None:
        said.append(line)
        turn.write_text("go")

    python = either.python_for(source, PYTHON, progress=go)
    output, _ = first.communicate(timeout=60)
    assert output.splitlines()[-1] == f"result {python}"
    assert [line.partition(" requirements.txt")[0] for line in said] == ["another job installs"]
    assert run(python, "import seen; print(seen.said)") == "go"


def test_an_installer_that_outlives_who_started_it(
    ask: Callable[[], subprocess.Popen[str]], either: Environments, source: Path, tmp_path: Path
) -> None:
    """It may still write into the environment: the next one waits until it is gone, and makes all of it again."""
    began, turn = tmp_path / "began", tmp_path / "turn"
    os.mkfifo(began)
    os.mkfifo(turn)
    make_project(source / "mine", f"open({str(began)!r}, 'w').close(); print(open({str(turn)!r}).read())")
    (source / "requirements.txt").write_text("./mine\n")
    first, said = ask(), []
    began.read_text()
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)

    def go(line: str) -> None:
        said.append(line)
        if line.startswith("another job"):
            turn.write_text("late")
        elif line.startswith("installing"):
            (source / "mine" / "build.py").write_text("print('new')")

    python = either.python_for(source, PYTHON, progress=go)
    assert said[0].startswith("another job installs")
    assert said[1].startswith("installing requirements.txt")
    assert run(python, "import seen; print(seen.said)") == "new"


def test_packages_are_built_out_of_reach_of_an_emulation(
    environments: Environments, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may use the network, and see neither our variables nor a credential of the shell's."""
    text = """
        import json, os, sys
        names = [name for name in os.environ if name.startswith("ABEJA_") or name == "HANDLER"]
        print(json.dumps(["abeja_emulator_child" in sys.modules, names, os.environ.get("PYTHONPATH", "")]))
    """
    make_project(source / "mine", text)
    (source / "requirements.txt").write_text("./mine\n")
    hook = child_environment(("127.0.0.1", 1), ["api.abeja.io"])
    for name, value in {**hook, "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN": "secret", "HANDLER": "train:handler"}.items():
        monkeypatch.setenv(name, value)
    with ChildProcesses(hook):
        text = "import sys; print('abeja_emulator_child' in sys.modules)"
        assert subprocess.check_output([PYTHON, "-c", text], text=True) == "True\n"
        python = environments.python_for(source, PYTHON)
    hooked, names, path = json.loads(run(python, "import seen; print(seen.said)"))
    assert (hooked, names) == (False, [])
    # Installers put folders of their own there.
    assert hook["PYTHONPATH"].split(os.pathsep)[0] not in path


def test_settings_that_lead_elsewhere(
    environments: Environments, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is installed into the environment, whatever the shell of the user says."""
    for name in ("PIP_TARGET", "PIP_PREFIX", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "UV_TARGET"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_USER", "1")
    (source / "requirements.txt").write_text(HERE + "greeting\n")
    assert run(environments.python_for(source, PYTHON), "import greeting; print(greeting.value)") == "hello"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["python3.6", "python3.8", "python3.13"])
def test_other_pythons(either: Environments, source: Path, name: str) -> None:
    """The environment is one of the job's interpreter, which may be far older than ours."""
    interpreter = shutil.which(name)
    if interpreter is None or subprocess.run([interpreter, "-c", ""], check=False, capture_output=True).returncode:
        pytest.skip(f"there is no {name} on PATH")
    (source / "requirements.txt").write_text(HERE + "greeting\n")
    python = either.python_for(source, Path(interpreter))
    text = "import greeting, sys; print(greeting.value, '%d.%d' % sys.version_info[:2])"
    assert run(python, text) == f"hello {name.removeprefix('python')}"
    assert either.python_for(source, PYTHON) != python


def test_an_interpreter_without_venv(environments: Environments, source: Path, tmp_path: Path) -> None:
    """As Debian's is at first; uv does without, and where there is none the error says what to install."""
    (source / "requirements.txt").write_text(HERE + "greeting\n")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *venv*) echo "No module named venv" >&2; exit 1;; esac\nexec "{PYTHON}" "$@"\n'
    )
    python.chmod(0o755)
    if environments._uv is not None:
        assert run(environments.python_for(source, python), "import greeting; print(greeting.value)") == "hello"
        return
    with pytest.raises(RequirementsError, match=r"no environment could be made .* they are in python3-venv") as caught:
        environments.python_for(source, python)
    assert caught.value.output == ("No module named venv",)


def test_an_interpreter_that_is_none(either: Environments, source: Path, tmp_path: Path) -> None:
    """The error is about requirements all the same, since nothing else was wanted of it."""
    (source / "requirements.txt").touch()
    with pytest.raises(RequirementsError, match="cannot be started: No such file or directory"):
        either.python_for(source, tmp_path / "none")


def test_a_folder_that_cannot_be_made(source: Path, tmp_path: Path) -> None:
    """The error names it."""
    (tmp_path / "file").touch()
    (source / "requirements.txt").touch()
    with pytest.raises(
        RequirementsError, match=r"cannot be installed for Python .* in .*/file/environments: .* make room"
    ):
        Environments(tmp_path / "file" / "environments").python_for(source, PYTHON)


def test_a_uv_that_is_not_there(tmp_path: Path) -> None:
    """Naming one is asking for it."""
    with pytest.raises(RequirementsError, match="there is no such program; install it, give its path, or let pip"):
        Environments(tmp_path, uv=tmp_path / "uv")


def test_without_uv_pip_installs(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has to be said for that."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "path", [])
    sys.path_importer_cache.clear()
    (source / "requirements.txt").write_text(HERE + "greeting\n")
    python = Environments(tmp_path / "environments").python_for(source, PYTHON)
    assert run(python, "import greeting; print(greeting.value)") == "hello"


def test_a_pipfile_wins(environments: Environments, source: Path) -> None:
    """Its packages are installed, with paths relative to it, and nothing of requirements.txt."""
    (source / "requirements.txt").write_text("not-there\n")
    (source / "Pipfile").write_text('[packages]\ngreeting = {path = "./wheels/greeting-1.0-py3-none-any.whl"}\n')
    said: list[Any] = []
    python = environments.python_for(source, PYTHON, progress=said.append)
    assert run(python, "import greeting; print(greeting.value)") == "hello"
    assert said[0].startswith("installing Pipfile")
    assert said[1] == "there is no Pipfile.lock: the versions are those of today"


def test_a_pipfile_that_cannot_be_read(either: Environments, source: Path) -> None:
    """It says which and why."""
    (source / "Pipfile").write_text("[packages\n")
    with pytest.raises(RequirementsError, match=r"cannot be read: .* Put it right, or use requirements.txt"):
        either.python_for(source, PYTHON)
