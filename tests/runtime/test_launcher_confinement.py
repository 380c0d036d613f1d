"""The launcher confines what it runs, in every interpreter from Python 3.6 on."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.runtime.child_process import ChildProcess, launcher_command
from abeja_emulator.runtime.confinement import Confinement
from abeja_emulator.runtime.launcher import abeja_emulator_confinement as program
from tests.runtime.test_launcher import MINORS, interpreter

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.services.training.records import LogLine

#: What it meets, and what it can see of how.
HANDLER = """
import os, socket, sys
def handler(context):
    def attempt(name, action):
        try:
            action()
            print(name, "done")
        except OSError as error:
            print(name, error.strerror)
    result, storage = os.environ["ABEJA_TRAINING_RESULT_DIR"], os.environ["ABEJA_STORAGE_DIR_PATH"]
    with open(os.path.join(result, "model"), "w") as file:
        file.write("weights")
    attempt("large", lambda: os.write(os.open(os.path.join(result, "large"), os.O_CREAT | os.O_WRONLY), bytes(10)))
    attempt("storage", lambda: os.mkdir(os.path.join(storage, "new")))
    attempt("source", lambda: open("new", "w"))
    attempt("network", lambda: socket.create_connection(("192.0.2.1", 80), 5))
    attempt("platform", lambda: socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))))
    print(sorted(name for name in os.environ if name in os.environ["ASKED"].split()))
    print([name for name in sys.modules if name.startswith("abeja_emulator")], sys.path[0] == "")
"""

why = Confinement(1, read_only=("storage", "source"), network="none").why_not()
confinable = pytest.mark.skipif(why is not None, reason=why or "")


@pytest.fixture(params=MINORS, ids=lambda minor: f"3.{minor}")
def python(request: pytest.FixtureRequest) -> str:
    """Each Python from 3.6 to 3.13 that is here."""
    path = interpreter(request.param)
    if path is None:
        pytest.skip(f"there is no Python 3.{request.param} here")
    return path


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of a job that has folders."""
    folders = {"ABEJA_TRAINING_RESULT_DIR": tmp_path / "result", "ABEJA_STORAGE_DIR_PATH": tmp_path / "storage"}
    for folder in folders.values():
        folder.mkdir()
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONIOENCODING": "utf-8",
        "HANDLER": "train:handler",
        "ASKED": " ".join(program.VARIABLES),
        **{name: str(folder) for name, folder in folders.items()},
    }


def start(command: list[str], source: Path, variables: dict[str, str], taken: dict[str, int]) -> tuple[Any, list[str]]:
    """Run a command to its end, and return it with its log; take what it hands over."""
    lines: list[str] = []
    child = ChildProcess(
        command,
        source,
        variables,
        lambda batch: lines.extend(line.message for line in batch),
        Clock(),
        on_handed=taken.__setitem__,
    )
    child.wait()
    return child, lines


@confinable
def test_it_confines_whatever_it_runs(
    python: str, write: Callable[..., Path], variables: dict[str, str], tmp_path: Path
) -> None:
    """With what the kernel says; what is handed over is still there when all of it is dead, and nothing on the disk."""
    source = write("train.py", HANDLER).parent
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        size = os.sysconf("SC_PAGESIZE")
        confinement = Confinement(size, read_only=("storage", "source"), network="none")
        said = {**variables, **confinement.launcher_variables()}
        taken: dict[str, int] = {}
        api = {"ABEJA_API_URL": f"http://127.0.0.1:{port}", "PORT": str(port)}
        child, lines = start(launcher_command(python), source, {**said, **api}, taken)

    assert (child.code, child.confined) == (0, True), lines
    assert [line for line in lines if not line.startswith("abeja-emulator: ")] == [
        "large No space left on device",
        "storage Read-only file system",
        "source Read-only file system",
        "network Network is unreachable",
        "platform done",
        "[]",
        "[] True",
    ]
    assert sorted(taken) == [program.PLATFORM, program.RESULT_DIR]
    kept = Path(f"/proc/self/fd/{taken[program.RESULT_DIR]}")
    assert (kept / "model").read_text() == "weights"
    assert list((tmp_path / "result").iterdir()) == []
    with socket.socket(fileno=taken[program.PLATFORM]) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)
        # That its caller is gone it hears here, and not over there, where nobody ever called.
        listener.accept()[0].close()
    os.close(taken[program.RESULT_DIR])


def test_what_is_not_asked_for_is_not_done(write: Callable[..., Path], variables: dict[str, str]) -> None:
    """A job that is not confined writes where it wants, and nothing of it is imported."""
    source = write("train.py", "import sys\ndef handler(context):\n    print('ctypes' in sys.modules)").parent
    taken: dict[str, int] = {}
    child, lines = start([*launcher_command(sys.executable)], source, {**variables, program.READ_ONLY: ""}, taken)
    assert (child.code, child.confined, lines, taken) == (0, False, ["False"], {})


def test_nobody_who_takes_nothing_confines(write: Callable[..., Path], variables: dict[str, str]) -> None:
    """The result would be lost: a service or a run whose variables say it is not confined."""
    source = write("train.py", "import os\ndef handler(context):\n    open('new', 'w').close()").parent
    lines: list[LogLine] = []
    said = {**variables, **dict.fromkeys(program.VARIABLES, "source")}
    with ChildProcess(launcher_command(sys.executable), source, said, lines.extend, Clock()) as child:
        assert (child.wait(), child.confined, lines) == (0, False, [])


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "a size": (
        {program.RESULT_DIR_SIZE: "1MB"},
        "the variable ABEJA_EMULATOR_RESULT_DIR_SIZE is '1MB', which is no number of bytes",
    ),
    "a folder": (
        {program.READ_ONLY: "home"},
        "the variable ABEJA_EMULATOR_READ_ONLY names 'home'; it can name result_dir, storage, source",
    ),
    "a network": ({program.NETWORK: "slow"}, "the variable ABEJA_EMULATOR_NETWORK is 'slow'; it can be none"),
    "no folder": (
        {program.STORAGE_SIZE: "1", "ABEJA_STORAGE_DIR_PATH": "/nowhere"},
        "the cache of the SDK is not there: the variable ABEJA_STORAGE_DIR_PATH is '/nowhere'",
    ),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere it says that only Linux can do it")
@pytest.mark.parametrize(("wrong", "complaint"), WRONG.values(), ids=list(WRONG))
def test_what_it_cannot_read(
    write: Callable[..., Path], variables: dict[str, str], wrong: dict[str, str], complaint: str
) -> None:
    """The handler does not run, and the sentence is log and message."""
    source = write("train.py", "def handler(context): print('ran')").parent
    child, lines = start(launcher_command(sys.executable), source, {**variables, **wrong}, {})
    assert (child.code, child.message, lines, child.confined) == (1, complaint, [complaint], False)


@confinable
@pytest.mark.parametrize("url", ["http://192.0.2.1:80", "https://api.abeja.io", ""])
def test_a_platform_that_listens_elsewhere(write: Callable[..., Path], variables: dict[str, str], url: str) -> None:
    """Cannot be reached from a network with nothing in it."""
    source = write("train.py", "def handler(context): print('ran')").parent
    alone = {program.NETWORK: "none", "ABEJA_API_URL": url}
    child, _ = start(launcher_command(sys.executable), source, {**variables, **alone}, {})
    told = f"a job without a network reaches a platform that listens on 127.0.0.1 only, and this one is {url!r}; "
    assert (child.code, child.message) == (1, told + "let it listen there")


def test_the_platform_listens_in_that_network_for_an_emulator_only(
    write: Callable[..., Path], variables: dict[str, str]
) -> None:
    """Whoever starts the launcher by hand hears that nobody would answer."""
    if why is not None:
        pytest.skip(why)
    source = write("train.py", "def handler(context): print('ran')").parent
    alone = {program.NETWORK: "none", "ABEJA_API_URL": "http://127.0.0.1:8080"}
    tried = subprocess.run(
        launcher_command(sys.executable),
        cwd=source,
        env={**variables, **alone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tried.returncode, tried.stdout) == (1, "")
    assert tried.stderr == (
        "without a network the platform can be reached only when an emulator has started this process\n"
    )


def test_by_hand_it_takes_the_same_variables(write: Callable[..., Path], variables: dict[str, str]) -> None:
    """With nobody to hand anything to, what was saved is gone with the process."""
    if why is not None:
        pytest.skip(why)
    source = write("train.py", "def handler(context): open('new', 'w')").parent
    tried = subprocess.run(
        launcher_command(sys.executable),
        cwd=source,
        env={**variables, program.READ_ONLY: "source"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 1
    assert tried.stderr.endswith("OSError: [Errno 30] Read-only file system: 'new'\n")


@confinable
def test_with_fewer_rights_it_takes_a_user_namespace(
    write: Callable[..., Path], variables: dict[str, str], tmp_path: Path
) -> None:
    """Root without the right to mount, as in many a container, gets what root gets."""
    fewer = ["setpriv", "--bounding-set", "-sys_admin,-net_admin"]
    if shutil.which(fewer[0]) is None or subprocess.run([*fewer, "true"], capture_output=True, check=False).returncode:
        pytest.skip("there is no way here to have fewer rights: setpriv cannot take any away")
    source = write("train.py", "import os\ndef handler(context): print(os.getuid())").parent
    confinement = Confinement(10_000, read_only=("source",))
    taken: dict[str, int] = {}
    command = [*fewer, *launcher_command(sys.executable)]
    child, lines = start(command, source, {**variables, **confinement.launcher_variables()}, taken)
    assert (child.code, child.confined, lines) == (0, True, [str(os.getuid())])
    os.close(taken[program.RESULT_DIR])


@confinable
def test_a_user_without_rights_has_none_afterwards(tmp_path: Path) -> None:
    """In a user namespace one is all-powerful at first, and would write into folders that one may not write into."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if os.getuid() != 0 or python is None:
        pytest.skip("only root can become somebody else, for whom there is a Python of the system")
    folder = Path("/var/tmp") / f"abeja_emulator_{os.getpid()}"  # noqa: S108 - others may look into it
    folder.mkdir(mode=0o755)
    try:
        shutil.copy(program.__file__, folder / "confinement.py")
        for name in ("result", "storage"):
            (folder / name).mkdir()
            os.chown(folder / name, 65534, 65534)
        script = f"""
import os, sys
sys.path.insert(0, {str(folder)!r})
import confinement
confinement.confine(None)
result = os.environ["ABEJA_TRAINING_RESULT_DIR"]
os.mkdir(os.path.join(result, "closed"), 0o500)
for place in (os.path.join(result, "closed"), os.environ["ABEJA_STORAGE_DIR_PATH"], result):
    try:
        with open(os.path.join(place, "new"), "wb") as file:
            file.write(bytes(10000))
    except OSError as error:
        print(error.strerror)
print(os.getuid(), os.stat(result).st_uid)
"""
        tried = subprocess.run(
            [python, "-I", "-c", script],
            cwd=folder,
            env={
                "ABEJA_TRAINING_RESULT_DIR": str(folder / "result"),
                "ABEJA_STORAGE_DIR_PATH": str(folder / "storage"),
                program.RESULT_DIR_SIZE: "5000",
                program.READ_ONLY: "storage",
            },
            user=65534,
            group=65534,
            extra_groups=[],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    finally:
        shutil.rmtree(folder)
    assert tried.stdout.splitlines() == [
        "Permission denied",
        "Read-only file system",
        "No space left on device",
        "65534 65534",
    ]
