"""What a test leaves in the folder for temporary files makes the run fail, and is named with its test."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

LEAVES = """
import tempfile
from pathlib import Path

def test_leaves():
    folder = tempfile.mkdtemp(prefix="abeja-emulator-")
    Path(folder, "model").touch()

def test_cleans():
    with tempfile.TemporaryDirectory(prefix="abeja-emulator-"):
        pass
"""


@pytest.fixture
def guarded(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder whose tests are looked after."""
    pytester.makeconftest("""
        from tests.litter import Litter

        def pytest_configure(config):
            config.pluginmanager.register(Litter(config))
    """)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    return pytester


@pytest.mark.parametrize("processes", ["0", "1"])
def test_what_is_left_is_named(guarded: pytest.Pytester, processes: str) -> None:
    """With what is in it, whichever process ran the test; one that cleans up is not blamed."""
    guarded.makepyfile(LEAVES)
    done = guarded.runpytest_subprocess("-p", "xdist", "-n", processes)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["*::test_leaves left abeja-emulator-* with model"])
    done.stdout.no_fnmatch_line("*::test_cleans left*")


def test_a_clean_run_passes(guarded: pytest.Pytester) -> None:
    """Also when a later test removes what an earlier one made."""
    guarded.makepyfile("""
        import shutil
        import tempfile
        import pytest

        @pytest.fixture(scope="module")
        def folder():
            made = tempfile.mkdtemp(prefix="abeja-emulator-")
            yield made
            shutil.rmtree(made)

        @pytest.mark.parametrize("number", range(3))
        def test_uses(folder, number):
            assert tempfile.gettempdir() in folder
    """)
    done = guarded.runpytest_subprocess("-p", "xdist", "-n", "1")
    assert done.ret == pytest.ExitCode.OK
    done.stdout.no_fnmatch_line("*left in the folder*")


def test_the_folder_goes(guarded: pytest.Pytester) -> None:
    """With the litter in it."""
    guarded.makepyfile(
        LEAVES
        + """
    print("here:", tempfile.gettempdir())
"""
    )
    done = guarded.runpytest_subprocess("-s")
    (line,) = [each for each in done.outlines if "here: " in each]
    folder = Path(line.partition("here: ")[2].strip(" ."))
    assert folder != Path(tempfile.gettempdir())
    assert not folder.exists()
