"""What goes wrong with the fake disk on purpose: `abeja_disk`."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from abeja.datasets import Client

from tests.companions.sdk_calls import contents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.runtime.job import TrainedJob

pytest.importorskip("pyfakefs")

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="before, pathlib cannot be faked once a path is made"
)

CONTENT = b"red" * 1000


def saving(context: Any) -> None:
    """Save a model of two files of 3000 bytes, in a folder."""
    folder = Path(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model")
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(CONTENT)


def reading(context: Any) -> None:
    """Read a dataset twice, the second time from the cache of the SDK."""
    for _ in range(2):
        assert contents_of(context["datasets"]["train"]) == [CONTENT]


def number_of(job: TrainedJob) -> int | None:
    """Return the number of the error that a handler raised."""
    assert isinstance(job.exception, OSError)
    return job.exception.errno


def read_one_by_one(dataset: str) -> list[bytes | None]:
    """Return the contents of a dataset, read in this thread alone."""
    items = Client().get_dataset(dataset).dataset_items.list()
    return [item.source_data[0].get_content() for item in items]


def test_full_while_the_handler_saves(abeja_disk: Any, abeja_train: Callable[..., TrainedJob]) -> None:
    """The job fails with what the system says, and what was saved before is its artifact; with room it completes."""
    fault = abeja_disk.full("result_dir", after="4kB")
    job = abeja_train(saving)
    assert (job.status, number_of(job)) == ("Failed", errno.ENOSPC)
    assert "OSError: [Errno 28] No space left on device" in job.log
    assert job.artifacts == {"model/a": 3000, "model/b": 0}
    assert fault.fired == 1

    fault.lift()
    assert abeja_train(saving).status == "Complete"


def test_full_while_the_sdk_caches_a_file(
    abeja_disk: Any, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]
) -> None:
    """The error reaches the handler out of the SDK; the result directory has room all the while."""
    datasets = {"train": abeja_dataset([(CONTENT, "a")])}
    abeja_disk.full("storage", after=1000)
    job = abeja_train(reading, datasets=datasets)
    assert (job.status, number_of(job)) == ("Failed", errno.ENOSPC)
    assert "abeja/common/local_file.py" in job.log
    assert abeja_train(saving).status == "Complete"


def test_full_anywhere_and_what_is_removed_makes_room(abeja_disk: Any, tmp_path: Path) -> None:
    """Bytes are counted up and down, wherever they are."""
    abeja_disk.full(after=5000)
    (tmp_path / "a").write_bytes(CONTENT)
    with pytest.raises(OSError, match="No space left on device"):
        (tmp_path / "b").write_bytes(CONTENT)
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(CONTENT)
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "a").write_bytes(CONTENT)
    assert (tmp_path / "a").read_bytes() == CONTENT


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda folder: (folder / "new").write_bytes(b""),
    "an old file": lambda folder: (folder / "old").open("a").close(),
    "os.open": lambda folder: os.open(folder / "new", os.O_CREAT | os.O_WRONLY),
    "a folder": lambda folder: (folder / "new").mkdir(),
    "folders": lambda folder: os.makedirs(folder / "new" / "er"),  # noqa: PTH103
    "its name": lambda folder: (folder / "old").rename(folder / "new"),
    "its place": lambda folder: (folder / "old").replace(folder.parent / "new"),
    "removing": lambda folder: (folder / "old").unlink(),
    "a link": lambda folder: (folder / "new").symlink_to(folder / "old"),
    "its mode": lambda folder: (folder / "old").chmod(0o400),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize(
    ("make", "number"), [("read_only", errno.EROFS), ("refuse", errno.EACCES)], ids=["read-only", "refused"]
)
def test_nothing_can_be_changed(
    abeja_disk: Any, tmp_path: Path, make: str, number: int, change: Callable[[Path], object]
) -> None:
    """By root neither; a folder beside it can."""
    folder, other = tmp_path / "here", tmp_path / "there"
    for each in (folder, other):
        each.mkdir()
        (each / "old").write_bytes(b"old")
    fault = getattr(abeja_disk, make)(folder)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what is asked
        change(folder)
    assert (caught.value.errno, fault.fired) == (number, 1)
    change(other)
    assert fault.fired == 1
    fault.lift()
    assert [each.name for each in folder.iterdir()] == ["old"]
    assert (folder / "old").read_bytes() == b"old"


def test_what_is_read_only_can_be_read_and_what_is_refused_cannot(abeja_disk: Any, tmp_path: Path) -> None:
    """And a folder of a read-only disk that is there can be made once more, as the SDK does."""
    (tmp_path / "old").write_bytes(b"old")
    abeja_disk.read_only(tmp_path, optional=True)
    assert (tmp_path / "old").read_bytes() == b"old"
    tmp_path.mkdir(exist_ok=True)
    abeja_disk.refuse(tmp_path)
    with pytest.raises(PermissionError):
        (tmp_path / "old").read_bytes()


def test_a_read_only_cache_fails_the_sdk(
    abeja_disk: Any, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]
) -> None:
    """It makes a folder before it downloads."""
    datasets = {"train": abeja_dataset([(CONTENT, "a")])}
    abeja_disk.read_only("storage")
    job = abeja_train(reading, datasets=datasets)
    assert (job.status, number_of(job)) == ("Failed", errno.EROFS)
    assert "Read-only file system" in job.log


def test_the_sdk_opens_a_stale_file_again(abeja_disk: Any, abeja_dataset: Callable[..., str]) -> None:
    """As its change log of 2.1.0 says; a second time in a row reaches the handler."""
    dataset = abeja_dataset([(CONTENT, "a")])
    read_one_by_one(dataset)
    fault = abeja_disk.stale()
    assert read_one_by_one(dataset) == [CONTENT]
    assert (fault.seen, fault.fired) == (2, 1)
    again = abeja_disk.stale(calls="1-2")
    with pytest.raises(OSError, match="Stale file handle") as caught:
        read_one_by_one(dataset)
    assert (caught.value.errno, again.fired) == (errno.ESTALE, 2)


def test_a_file_that_is_stale_when_it_is_opened(abeja_disk: Any, abeja_dataset: Callable[..., str]) -> None:
    """There the SDK does nothing about it."""
    dataset = abeja_dataset([(CONTENT, "a")])
    read_one_by_one(dataset)
    abeja_disk.stale(on="open")
    with pytest.raises(OSError, match="Stale file handle"):
        read_one_by_one(dataset)
    assert read_one_by_one(dataset) == [CONTENT]


def test_a_stale_file_that_is_read_in_pieces(abeja_disk: Any, abeja_dataset: Callable[..., str]) -> None:
    """There it cannot: what was read before is with the handler already."""

    def pieces() -> bytes:
        (item,) = Client().get_dataset(dataset).dataset_items.list()
        return b"".join(item.source_data[0].get_iter_content())

    dataset = abeja_dataset([(CONTENT, "a")])
    assert pieces() == CONTENT
    abeja_disk.stale()
    with pytest.raises(OSError, match="Stale file handle"):
        pieces()


def test_an_error_that_the_sdk_swallows(abeja_disk: Any, abeja_dataset: Callable[..., str]) -> None:
    """Any but a stale file makes None of the content of a cached one: a defect of the SDK, which a handler meets."""
    dataset = abeja_dataset([(CONTENT, "a")])
    read_one_by_one(dataset)
    abeja_disk.fail("storage", errno.EIO)
    assert read_one_by_one(dataset) == [None]


def test_what_is_written_fails_when_it_reaches_the_disk(abeja_disk: Any, tmp_path: Path) -> None:
    """Once, and not when the file is opened or removed."""
    path = tmp_path / "model"
    fault = abeja_disk.fail(tmp_path, errno.EIO, on="write", calls=2)
    path.write_bytes(CONTENT)
    path.unlink()
    file = path.open("wb")
    file.write(CONTENT)
    with pytest.raises(OSError, match="Input/output error"):
        file.close()
    path.write_bytes(CONTENT)
    assert (fault.seen, fault.fired) == (3, 1)


def test_every_way_to_read_fails(abeja_disk: Any, tmp_path: Path) -> None:
    """At the calls that are said, in text and in bytes."""
    path = tmp_path / "lines"
    path.write_text("a\nb\n")
    fault = abeja_disk.fail(tmp_path, errno.EIO, calls=None)
    ways: list[Callable[[Any], object]] = [
        lambda file: file.read(),
        lambda file: file.readline(),
        lambda file: file.readlines(),
        list,
    ]
    for mode in ("r", "rb"):
        for way in ways:
            with path.open(mode) as file, pytest.raises(OSError, match="Input/output error"):
                way(file)
    descriptor = os.open(path, os.O_RDONLY)
    with pytest.raises(OSError, match="Input/output error"):
        os.read(descriptor, 1)
    os.close(descriptor)
    assert fault.fired == 9
    fault.lift()
    with path.open() as file:
        assert list(file) == ["a\n", "b\n"]


def test_pyfakefs_is_as_usable_as_before(abeja_disk: Any, abeja_fs: Any, fs: Any, tmp_path: Path) -> None:
    """Its own ways to fill a disk and to take a right away, beside a fault elsewhere."""
    abeja_disk.full("/elsewhere", optional=True)
    abeja_fs.create_file(tmp_path / "made", contents="made")
    assert (tmp_path / "made").read_text() == "made"
    abeja_fs.set_disk_usage(10)
    with pytest.raises(OSError, match="No space left on device"):
        (tmp_path / "large").write_bytes(bytes(100))
    assert abeja_fs is fs


@pytest.mark.parametrize(
    ("say", "complaint"),
    [
        (lambda disk: disk.full(after="much"), "after: 'much' is no amount; write, for example, 512MB"),
        (lambda disk: disk.stale(on="write, maybe"), "a disk fails on open, read, write, not on 'write, maybe'"),
        (lambda disk: disk.fail(None, 0), "0 is the number of no error; take one of the module errno"),
        (lambda disk: disk.stale(calls=0), "calls=0 are no numbers of calls"),
    ],
)
def test_what_cannot_be(abeja_disk: Any, say: Callable[[Any], object], complaint: str) -> None:
    """It is said at once, and no fault is there."""
    with pytest.raises(ValueError, match=complaint):
        say(abeja_disk)
    assert abeja_disk.faults == []


def test_one_that_never_happens_fails_its_test(pytester: pytest.Pytester) -> None:
    """With why, unless it is optional or was lifted."""
    pytester.makepyfile(
        """
        def test_full(abeja_disk):
            abeja_disk.full("storage", after=10)

        def test_stale(abeja_disk, tmp_path):
            (tmp_path / "a").write_text("a")
            abeja_disk.stale(tmp_path, calls=2)
            assert (tmp_path / "a").read_text() == "a"

        def test_fine(abeja_disk):
            abeja_disk.read_only("storage", optional=True)
            abeja_disk.read_only("result_dir").lift()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:schemathesis")
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        [
            "disk storage: full after 10 bytes never happened: less than 11 bytes were written below storage",
            "*Stale file handle on read calls=2 never happened: read was done 1 times below *, none of them at calls=2",
        ]
    )
