"""Source archives and result archives."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator import archives
from abeja_emulator.archives import ArchiveError, check_archive, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    Make = Callable[[Mapping[str, bytes]], bytes]

FILES = {"train.py": b"def handler(context): pass", "data/a.bin": bytes(range(256)) * 40, "data/deep/empty": b""}
KINDS = ["zip", "zip-lzma", "tar", "tar.gz", "tar.bz2", "tar.xz"]

#: Names that would leave the folder, here or on another system.
OUTSIDE = [
    "/etc/passwd",
    "//server/share",
    "../outside",
    "a/../../outside",
    "a/..",
    "..",
    "..\\outside",
    "a\\b",
    "\\outside",
    "C:/outside",
    "C:outside",
    "c:\\outside",
]


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.filename, info.compress_type = name, compression
            archive.writestr(info, content)
    return buffer.getvalue()


def tarred(
    files: Mapping[str, bytes], compression: str = "", *, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> bytes:
    """Return a tar of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), kind, link
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def packed(kind: str, files: Mapping[str, bytes]) -> bytes:
    """Return an archive of that kind."""
    if kind.startswith("zip"):
        return zipped(files, zipfile.ZIP_LZMA if kind == "zip-lzma" else zipfile.ZIP_DEFLATED)
    return tarred(files, kind.partition(".")[2])


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative name."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def refused(archive: bytes, folder: Path) -> str:
    """Check that unpacking is refused and writes nothing outside the folder; return why."""
    inside = folder / "inside"
    (folder / "outside").write_text("untouched")
    with pytest.raises(ArchiveError) as error:
        unpack(archive, inside)
    beside = {path.name for path in folder.iterdir()}
    assert beside <= {"inside", "outside"}
    assert (folder / "outside").read_text() == "untouched"
    return str(error.value)


class TestUnpack:
    """An archive becomes a folder."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("stream", [False, True])
    def test_by_content(self, tmp_path: Path, kind: str, stream: bool) -> None:
        """Whatever kind it is of; from bytes, or from a stream wherever that stands."""
        archive = packed(kind, FILES)
        body = io.BytesIO(archive)
        body.seek(3)
        check_archive(body if stream else archive)
        unpack(body if stream else archive, tmp_path / "new" / "folder")
        assert contents(tmp_path / "new" / "folder") == FILES

    def test_empty(self, tmp_path: Path) -> None:
        """An archive without members is an empty folder."""
        for archive in (zipped({}), tarred({}), tarred({}, "gz")):
            check_archive(archive)
            unpack(archive, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_tar_that_holds_a_zip(self, tmp_path: Path) -> None:
        """It is a tar, though a zip can be found at its end."""
        files = {"train.py": b"x", "weights.zip": zipped({"inner": b"y"})}
        unpack(tarred(files), tmp_path)
        assert contents(tmp_path) == files

    def test_a_zip_behind_a_line(self, tmp_path: Path) -> None:
        """An executable zip, as zipapp makes it."""
        unpack(b"#!/usr/bin/env python3\n" + zipped(FILES), tmp_path)
        assert contents(tmp_path) == FILES

    def test_folders(self, tmp_path: Path) -> None:
        """`tar -C folder .` has the folder itself and the folders in it as members."""
        buffer = io.BytesIO()
        source = tmp_path / "source"
        (source / "a" / "b").mkdir(parents=True)
        (source / "a" / "c").write_bytes(b"x")
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(source, arcname=".")
        unpack(buffer.getvalue(), tmp_path / "target")
        assert (tmp_path / "target" / "a" / "b").is_dir()
        assert contents(tmp_path / "target") == {"a/c": b"x"}
        unpack(zipped({"d/": b"", "d/e": b"y"}), tmp_path / "target")
        assert contents(tmp_path / "target") == {"a/c": b"x", "d/e": b"y"}

    def test_one_name_twice_in_a_zip(self, tmp_path: Path) -> None:
        """The later member wins, as when the runner unpacks it, whatever mode the first one had."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            info = zipfile.ZipInfo("a")
            info.external_attr = (stat.S_IFREG | 0o400) << 16
            archive.writestr(info, b"first, and longer")
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr("a", b"second")
        unpack(buffer.getvalue(), tmp_path)
        assert contents(tmp_path) == {"a": b"second"}

    def test_one_name_twice_in_a_tar(self, tmp_path: Path) -> None:
        """The same."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for content in (b"first, and longer", b"second"):
                member = tarfile.TarInfo("a")
                member.size, member.mode = len(content), 0o400
                archive.addfile(member, io.BytesIO(content))
        unpack(buffer.getvalue(), tmp_path)
        assert contents(tmp_path) == {"a": b"second"}

    @pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o644), (0, 0o644), (0o755, 0o755), (0o4711, 0o755)])
    def test_mode(self, tmp_path: Path, mode: int, expected: int) -> None:
        """Everything is readable, what is executable stays so, and nothing becomes set-uid."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            info = zipfile.ZipInfo("a")
            info.external_attr = mode << 16
            archive.writestr(info, b"x")
        unpack(buffer.getvalue(), tmp_path)
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == expected

    def test_over_what_is_there(self, tmp_path: Path) -> None:
        """Files that are there are replaced, others stay."""
        unpack(zipped({"a": b"old", "b": b"kept"}), tmp_path)
        unpack(zipped({"a": b"new"}), tmp_path)
        assert contents(tmp_path) == {"a": b"new", "b": b"kept"}


class TestRefusal:
    """What is refused, with nothing written outside the folder."""

    @pytest.mark.parametrize("name", OUTSIDE)
    @pytest.mark.parametrize("make", [zipped, tarred])
    def test_outside(self, tmp_path: Path, name: str, make: Make) -> None:
        """Also where this system would see no harm in the name."""
        archive = make({"first": b"x", name: b"x"})
        why = refused(archive, tmp_path)
        assert repr(name) in why
        assert "outside its folder" in why
        with pytest.raises(ArchiveError, match="outside its folder"):
            check_archive(archive)

    @pytest.mark.parametrize(
        "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
    )
    def test_links_and_devices_in_a_tar(self, tmp_path: Path, kind: bytes) -> None:
        """Only files and folders are unpacked."""
        assert "member 'a' is a link or a device" in refused(tarred({"a": b""}, kind=kind, link="../outside"), tmp_path)

    @pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
    def test_links_and_devices_in_a_zip(self, tmp_path: Path, kind: int) -> None:
        """The same, by the mode that Unix tools note."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            info = zipfile.ZipInfo("a")
            info.external_attr = (kind | 0o777) << 16
            archive.writestr(info, b"../outside")
        assert "member 'a' is a link or a device" in refused(buffer.getvalue(), tmp_path)

    @pytest.mark.parametrize("name", ["", ".", "./"])
    def test_a_file_without_a_name(self, tmp_path: Path, name: str) -> None:
        """It would take the place of the folder itself."""
        assert "no name" in refused(tarred({name: b"x"}), tmp_path)

    @pytest.mark.parametrize("make", [zipped, tarred])
    @pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/b/c")])
    def test_file_and_folder_of_one_name(self, tmp_path: Path, make: Make, names: tuple[str, str]) -> None:
        """An archive that no folder can hold."""
        why = refused(make(dict.fromkeys(names, b"x")), tmp_path)
        assert repr(names[1]) in why
        assert "a file in one place and a folder in another" in why

    @pytest.mark.parametrize(
        "archive",
        [b"", b"x", b"text " * 1000, b"PK\3\4", b"\x1f\x8b", b"\x1f\x8b\x08" + b"\0" * 20, b"BZh9", b"\xfd7zXZ\0"],
    )
    def test_no_archive(self, tmp_path: Path, archive: bytes) -> None:
        """The refusal says which kinds there are."""
        assert "neither zip nor tar nor tar.gz" in refused(archive, tmp_path)
        assert "\n" not in refused(archive, tmp_path)
        with pytest.raises(ArchiveError, match="neither zip nor tar nor tar"):
            check_archive(archive)

    @pytest.mark.parametrize("kind", KINDS)
    def test_cut_short(self, tmp_path: Path, kind: str) -> None:
        """In the middle of whatever there is."""
        archive = packed(kind, {"noise": os.urandom(100_000), "more": os.urandom(100_000)})
        for share in (0.1, 0.5, 0.9):
            assert "damaged" in refused(archive[: int(len(archive) * share)], tmp_path)

    def test_wrong_content(self, tmp_path: Path) -> None:
        """A checksum that does not fit."""
        archive = zipped({"a": b"0" * 1000}, zipfile.ZIP_STORED).replace(b"0" * 1000, b"0" * 999 + b"1")
        assert "damaged" in refused(archive, tmp_path)

    def test_broken_header_in_the_middle(self, tmp_path: Path) -> None:
        """The members behind it would silently be missing."""
        archive = bytearray(tarred({"a": b"x", "b": b"y", "c": b"z"}))
        archive[2 * tarfile.BLOCKSIZE] ^= 1
        assert "damaged" in refused(bytes(archive), tmp_path)
        with pytest.raises(ArchiveError):
            check_archive(bytes(archive))

    def test_encrypted(self, tmp_path: Path) -> None:
        """There is nobody to ask for the password."""
        archive = bytearray(zipped({"a": b"x"}))
        for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            archive[archive.index(signature) + offset] |= 1
        assert "encrypted" in refused(bytes(archive), tmp_path)

    def test_unknown_compression(self, tmp_path: Path) -> None:
        """What this Python cannot read is as good as damaged."""
        archive = bytearray(zipped({"a": b"x"}))
        for signature, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
            archive[archive.index(signature) + offset] = 99
        assert "not supported" in refused(bytes(archive), tmp_path)

    def test_name_that_is_no_text(self, tmp_path: Path) -> None:
        """A name that says it is UTF-8 and is not."""
        archive = zipped({"犬": b"x"}).replace("犬".encode(), b"\xff\xff\xff")
        assert "damaged" in refused(archive, tmp_path)
        with pytest.raises(ArchiveError):
            check_archive(archive)

    @pytest.mark.parametrize("kind", KINDS)
    def test_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        """All files together; one byte less is no more than the limit."""
        archive = packed(kind, {"a": b"0" * 600_000, "b": b"0" * 600_000})
        monkeypatch.setattr(archives, "UNPACKED_LIMIT", 1_199_999)
        assert "more than 1199999 bytes" in refused(archive, tmp_path)
        assert sum(map(len, contents(tmp_path / "inside").values())) <= 1_199_999
        monkeypatch.setattr(archives, "UNPACKED_LIMIT", 1_200_000)
        unpack(archive, tmp_path / "inside")

    def test_full_disk_is_no_damage(self, tmp_path: Path) -> None:
        """A folder that cannot be written to is an error of this machine, not of the archive."""
        (tmp_path / "file").write_text("x")
        with pytest.raises(OSError, match="file"):
            unpack(zipped(FILES), tmp_path / "file" / "folder")

    @settings(max_examples=300)
    @given(
        kind=st.sampled_from(KINDS),
        changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
        cut=st.floats(0, 1),
    )
    def test_any_damage(self, kind: str, changes: list[tuple[float, int]], cut: float) -> None:
        """Whatever bytes are wrong, it unpacks or is refused, and no other error comes out."""
        archive = bytearray(packed(kind, FILES))
        for place, byte in changes:
            archive[int(place * len(archive))] = byte
        damaged = bytes(archive[: int(cut * len(archive)) or None])
        with tempfile.TemporaryDirectory() as folder:
            with suppress(ArchiveError):
                check_archive(damaged)
            with suppress(ArchiveError):
                unpack(damaged, Path(folder, "inside"))
            assert {path.name for path in Path(folder).iterdir()} <= {"inside"}


class TestPack:
    """A folder becomes a zip."""

    NAMES = st.text(
        st.characters(categories=["L", "N"], include_characters=" ._-犬'\""), min_size=1, max_size=8
    ).filter(lambda name: name not in {".", ".."})

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(
        files=st.dictionaries(
            st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=100), min_size=1, max_size=5
        )
    )
    def test_unpacks_to_the_same(self, files: dict[str, bytes]) -> None:
        """Sub-folders, names of any language and empty files included."""
        folders = {parent for name in files for parent in map(str, PurePosixPath(name).parents)}
        files = {name: content for name, content in files.items() if name not in folders}
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "source"), Path(folder, "target")
            for name, content in files.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(content)
            archive = pack(source)
            assert archive is not None
            check_archive(archive)
            unpack(archive, target)
            assert contents(target) == contents(source)

    def test_opens_with_zipfile(self, tmp_path: Path) -> None:
        """Names are relative to the folder: that is what model handlers open."""
        unpack(zipped(FILES), tmp_path)
        archive = pack(tmp_path)
        assert archive is not None
        with zipfile.ZipFile(io.BytesIO(archive)) as reader:
            assert {name: reader.read(name) for name in reader.namelist()} == FILES

    def test_nothing(self, tmp_path: Path) -> None:
        """Folders alone are no result."""
        assert pack(tmp_path) is None
        (tmp_path / "a" / "b").mkdir(parents=True)
        assert pack(tmp_path) is None
        assert pack(tmp_path / "not there") is None

    @pytest.mark.parametrize("seconds", [0, 5_000_000_000], ids=["1970", "2128"])
    def test_times_that_zip_does_not_know(self, tmp_path: Path, seconds: int) -> None:
        """Reproducible builds set such times; the content is what counts."""
        path = tmp_path / "a"
        path.write_bytes(b"x")
        os.utime(path, (seconds, seconds))
        archive = pack(tmp_path)
        assert archive is not None
        with zipfile.ZipFile(io.BytesIO(archive)) as reader:
            assert reader.read("a") == b"x"

    def test_links_are_left_out(self, tmp_path: Path) -> None:
        """They may lead anywhere, and would be refused when unpacked."""
        (tmp_path / "secret").write_bytes(b"s")
        (tmp_path / "result").mkdir()
        (tmp_path / "result" / "a").write_bytes(b"x")
        (tmp_path / "result" / "link").symlink_to(tmp_path / "secret")
        (tmp_path / "result" / "loop").symlink_to(tmp_path)
        archive = pack(tmp_path / "result")
        assert archive is not None
        with zipfile.ZipFile(io.BytesIO(archive)) as reader:
            assert reader.namelist() == ["a"]

    def test_executables_stay_executable(self, tmp_path: Path) -> None:
        """A script in the result can be run where it is unpacked."""
        path = tmp_path / "source" / "run.sh"
        path.parent.mkdir()
        path.write_bytes(b"#!/bin/sh")
        path.chmod(0o755)
        archive = pack(tmp_path / "source")
        assert archive is not None
        unpack(archive, tmp_path / "target")
        assert stat.S_IMODE((tmp_path / "target" / "run.sh").stat().st_mode) == 0o755
