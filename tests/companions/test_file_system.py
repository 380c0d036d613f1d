"""pyfakefs next to a Platform: `abeja_fs`."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.companions.sdk_calls import contents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.runtime.job import TrainedJob

pytest.importorskip("pyfakefs")

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="before, pathlib cannot be faked once a path is made"
)

CONTENT = b"red" * 1000


def cached() -> list[int]:
    """Return the sizes of what the SDK keeps of downloaded files."""
    return [path.stat().st_size for path in Path(os.environ["ABEJA_STORAGE_DIR_PATH"]).rglob("*") if path.is_file()]


def handler(context: Any) -> None:
    """Read a dataset through the cache of the SDK, write scalars for TensorBoard and a model."""
    writers: Any = pytest.importorskip("tensorboardX")
    result = Path(os.environ["ABEJA_TRAINING_RESULT_DIR"])
    contents = [contents_of(context["datasets"]["train"]) for _ in range(2)]
    with writers.SummaryWriter(str(result / "logs")) as writer:
        writer.add_scalar("count", len(contents[0]), 1)
    (result / "model").write_bytes(b"".join(contents[1]))


def test_a_job_runs_in_it(
    abeja_fs: Any, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]
) -> None:
    """With the cache of the SDK and its threads, tensorboardX, and the result that the platform keeps."""
    job = abeja_train(handler, datasets={"train": abeja_dataset([(CONTENT, "a"), (b"green", "b")])})

    assert job.status == "Complete", job.log
    assert job.artifacts["model"] == len(CONTENT) + 5
    assert any(name.startswith("logs/events.out.tfevents") and size for name, size in job.artifacts.items())
    assert (job.result_dir / "model").read_bytes() == b"green" + CONTENT
    assert abeja_fs.exists(str(job.result_dir))


def test_a_handler_is_found_and_sample_data_too(
    abeja_fs: Any, abeja_dataset: Callable[..., Any], abeja_train: Callable[..., TrainedJob]
) -> None:
    """The files of the project can be read, and where pytest was started is where a test is."""
    work = Path.cwd()
    dataset = abeja_dataset("points")
    job = abeja_train(Path(__file__), datasets={"train": dataset})

    assert job.status == "Complete", job.log
    assert Path.cwd() == work
    assert len(contents_of(dataset)) == dataset.total_count > 0


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", None])
def test_certificates_are_there_whatever_names_them(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    name: str | None,
) -> None:
    """A variable, and nothing but the package that requests brings."""
    certs: Any = pytest.importorskip("requests.certs")
    for each in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(each, raising=False)
    if name is not None:
        monkeypatch.setenv(name, str(shutil.copy(certs.where(), tmp_path_factory.mktemp("certificates"))))
    request.getfixturevalue("abeja_fs")
    assert contents_of(request.getfixturevalue("abeja_dataset")([(CONTENT, "a")])) == [CONTENT]


def test_what_was_in_tmp_path_can_be_read_and_what_is_written_is_not_on_the_disk(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """Before the fixture and under it, with result directory and working directory; afterwards all is as it was."""
    pytester.makepyfile(
        """
        import os, pathlib
        import pytest
        from abeja.datasets import Client

        KEPT = []

        @pytest.fixture
        def prepared(tmp_path):
            (tmp_path / "before").write_text("real")

        def test_under_it(prepared, abeja_fs, tmp_path, abeja_result_dir, abeja_context, monkeypatch):
            assert (tmp_path / "before").read_text() == "real"
            assert abeja_result_dir.is_dir() and list(abeja_result_dir.iterdir()) == []
            places = [tmp_path, abeja_result_dir, pathlib.Path.cwd(), pathlib.Path("/new")]
            places[-1].mkdir()
            for place in places:
                (place / "written").write_text("fake")
                assert (place / "written").read_text() == "fake"
            (tmp_path / "before").write_text("changed")
            monkeypatch.chdir(tmp_path)
            assert pathlib.Path("before").read_text() == "changed"
            KEPT.extend([tmp_path, *map(str, places)])

        def test_afterwards():
            tmp_path, *places = KEPT
            assert (tmp_path / "before").read_text() == "real"
            assert not [place for place in places if os.path.exists(os.path.join(place, "written"))]
            assert os.getcwd() == places[2]

        def test_it_is_fresh_each_time(abeja_fs, abeja_result_dir):
            assert not os.path.exists("/new")
            assert list(abeja_result_dir.iterdir()) == []
        """
    )
    run().assert_outcomes(passed=3)


def test_a_full_disk(abeja_fs: Any, abeja_dataset: Callable[..., str], tmp_path: Path) -> None:
    """The SDK's own error reaches the handler; what is read of the project takes no room; room lets it go on."""
    dataset = abeja_dataset([(CONTENT, "a")])
    abeja_fs.set_disk_usage(1000)
    assert __doc__ in Path(__file__).read_text(encoding="utf-8")
    (tmp_path / "small").write_bytes(bytes(500))
    with pytest.raises(OSError, match="No space left on device") as caught:
        contents_of(dataset)
    assert caught.value.errno == errno.ENOSPC
    abeja_fs.set_disk_usage(100_000)
    assert contents_of(dataset) == [CONTENT]
    assert len(CONTENT) in cached()


def test_a_full_disk_fails_a_job(
    abeja_fs: Any, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]
) -> None:
    """It ends Failed, with the error in its log, and the platform itself keeps working."""
    dataset = abeja_dataset([(CONTENT, "a")])
    abeja_fs.set_disk_usage(1000)
    job = abeja_train(handler, datasets={"train": dataset})

    assert job.status == "Failed"
    assert isinstance(job.exception, OSError)
    assert "No space left on device" in job.log


def test_no_right_to_write(abeja_fs: Any, abeja_dataset: Callable[..., str]) -> None:
    """For anybody but root, whom a fake disk obeys as a real one does."""
    helpers: Any = pytest.importorskip("pyfakefs.helpers")
    dataset = abeja_dataset([(CONTENT, "a")])
    storage = os.environ["ABEJA_STORAGE_DIR_PATH"]
    abeja_fs.makedirs(storage)
    abeja_fs.chmod(storage, 0o500)
    owner = helpers.get_uid()
    helpers.set_uid(owner or 1000)
    with pytest.raises(PermissionError):
        contents_of(dataset)
    helpers.set_uid(owner)
    abeja_fs.chmod(storage, 0o700)
    assert contents_of(dataset) == [CONTENT]


def test_the_next_test_is_who_it_was() -> None:
    """And has the real disk."""
    helpers: Any = pytest.importorskip("pyfakefs.helpers")
    assert helpers.get_uid() == os.getuid()
    assert Path(__file__).stat().st_uid == os.stat(__file__).st_uid  # noqa: PTH116


def test_a_c_library_goes_past_it(abeja_fs: Any) -> None:
    """As the page says: what h5py writes is on the real disk, and Python does not see it there."""
    files: Any = pytest.importorskip("h5py")
    patcher: Any = pytest.importorskip("pyfakefs.fake_filesystem_unittest")
    path = Path("/var/tmp") / f"abeja_fs_{os.getpid()}.h5"  # noqa: S108 - a folder of the real disk
    try:
        files.File(str(path), "w").close()
        assert not path.exists()
        with patcher.Pause(abeja_fs):
            assert path.exists()
    finally:
        with patcher.Pause(abeja_fs):
            path.unlink()


def test_after_fs_it_says_that_it_comes_too_late(pytester: pytest.Pytester, run: Callable[..., Any]) -> None:
    """Instead of a file system in which tensorboardX ends the run of pytest itself."""
    pytester.makepyfile(
        """
        def test_wrong(fs, abeja_fs): ...
        def test_right(abeja_fs, fs):
            assert fs is abeja_fs
        """
    )
    result = run("-p", "fakefs")  # the plugin that has `fs`
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["abeja_fs comes too late: `fs` has faked the file system already*"])
