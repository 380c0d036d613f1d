"""The command line client and the datalake: channels, files up and down, as many as a folder has."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.client import shows

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.server import Server
    from abeja_emulator.services.datalake.records import File
    from tests.conformance.client import Abeja

#: More than the client reads or writes at once.
LARGE = bytes(range(256)) * 400


def datalake(abeja: Abeja, command: str, *arguments: str, code: int = 0) -> str:
    """Run a command of the group `datalake`, and return its standard output."""
    return abeja("datalake", command, *arguments, code=code).out


def kept(server: Server, channel: str) -> dict[str, tuple[bytes, File]]:
    """Return the files of a channel by the name that the client gave them."""
    look = server.platform.look
    files = look.files(channel)
    return {file.metadata["x-abeja-meta-filename"]: (look.content(channel, file.file_id), file) for file in files}


def folder_with_files(abeja: Abeja) -> Path:
    """Make a folder with three files, one of them below another folder and one empty, and a hidden one."""
    abeja.write("files/cat.jpg", LARGE)
    abeja.write("files/deep/テスト 1.txt", "text")
    abeja.write("files/empty.bin", b"")
    abeja.write("files/.hidden", "not to be sent")
    return abeja.folder / "files"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# -- channels -----------------------------------------------------------------------------------


def test_channels(abeja: Abeja, server: Server) -> None:
    """They are created, described, and archived."""
    answer = json.loads(datalake(abeja, "create-channel", "--name", "photos", "--description", "of cats"))
    (record,) = server.platform.look.channels()
    shows(answer["channel"], record, "channel_id", "name", "description", "storage_type", "created_at", zone="")
    assert (record.name, record.description) == ("photos", "of cats")
    assert answer["organization_id"] == server.platform.organization.id
    second = json.loads(datalake(abeja, "create-channel", "--name", "second"))["channel"]["channel_id"]

    def listed(*arguments: str) -> list[str]:
        return [channel["name"] for channel in json.loads(datalake(abeja, *arguments))["channels"]]

    assert listed("describe-channels") == ["photos", "second"]
    envelope = json.loads(datalake(abeja, "describe-channels"))
    # The client takes one for the other.
    assert envelope["organization_name"] == envelope["created_at"] == answer["created_at"]
    assert listed("describe-channels", "--limit", "1", "--offset", "1") == ["second"]
    shown = json.loads(datalake(abeja, "describe-channels", "--channel-id", second))
    assert shown["channel"] == {**answer["channel"], **shown["channel"]}
    assert shown["channel"]["name"] == "second"
    datalake(abeja, "archive-channel", "--channel-id", record.channel_id)
    assert server.platform.look.channels()[0].archived
    assert listed("describe-channels") == ["second"]
    assert listed("describe-channels", "--include-archived") == ["photos", "second"]


def test_a_channel_that_is_not_there(abeja: Abeja) -> None:
    """Is an error in words that reach the person."""
    said = abeja("datalake", "describe-channels", "--channel-id", "1234567890123", code=1)
    assert said.out == "describe-channels aborted.\n"
    assert "404 Not Found" in said.error
    assert "1234567890123" in said.error


# -- up -----------------------------------------------------------------------------------------


def test_upload_a_folder(abeja: Abeja, server: Server) -> None:
    """Every byte of every file that is not hidden, with its type, its name and metadata; the result names the ids."""
    channel = server.platform.seed.channel("mine")
    folder = folder_with_files(abeja)
    datalake(
        abeja,
        *("upload", "--channel-id", channel, "--recursive", "--metadata", "label:猫 a/b", "--metadata", "label_id:1"),
        *("--save-result", "result.json", "--retry", "no", str(folder)),
    )
    files = kept(server, channel)
    assert {name: content for name, (content, _) in files.items()} == {
        "cat.jpg": LARGE,
        "%E3%83%86%E3%82%B9%E3%83%88%201.txt": b"text",
        "empty.bin": b"",
    }
    assert {name: file.content_type for name, (_, file) in files.items()} == {
        "cat.jpg": "image/jpeg",
        "%E3%83%86%E3%82%B9%E3%83%88%201.txt": "text/plain",
        "empty.bin": "application/octet-stream",
    }
    assert {file.metadata["x-abeja-meta-label"] for _, file in files.values()} == {"%E7%8C%AB%20a/b"}
    saved = json.loads((abeja.folder / "result.json").read_text(encoding="utf-8"))
    assert {(entry["channel_id"], entry["file_id"]) for entry in saved} == {
        (channel, file.file_id) for _, file in files.values()
    }
    by_name = {entry["metadata"]["x-abeja-meta-filename"]: entry for entry in saved}
    assert by_name["cat.jpg"]["file"] == str(folder / "cat.jpg")
    assert by_name["cat.jpg"]["metadata"]["x-abeja-meta-label_id"] == "1"


def test_upload_what_a_list_names(abeja: Abeja, server: Server) -> None:
    """With metadata of each file; a dry run sends nothing."""
    channel = server.platform.seed.channel("mine")
    folder = folder_with_files(abeja)
    described: list[dict[str, Any]] = [
        {"file": "files/cat.jpg", "metadata": {"label": "cat", "label_id": 1}},
        {"file": "files/empty.bin"},
    ]
    abeja.write("list.json", json.dumps(described))
    arguments = ("upload", "--channel-id", channel, "--file-list", "list.json")
    assert "files/cat.jpg" in datalake(abeja, *arguments, "--dry-run")
    assert server.platform.look.files(channel) == []
    datalake(abeja, *arguments, str(folder / "deep" / "テスト 1.txt"))
    files = kept(server, channel)
    assert len(files) == 3
    assert files["cat.jpg"][1].metadata == {
        "x-abeja-meta-filename": "cat.jpg",
        "x-abeja-meta-label": "cat",
        "x-abeja-meta-label_id": "1",
    }
    assert set(files["empty.bin"][1].metadata) == {"x-abeja-meta-filename"}


def test_upload_without_duplicates(abeja: Abeja, server: Server) -> None:
    """A file whose name is there already is not kept twice; the result has it all the same, without an id."""
    channel = server.platform.seed.channel("mine")
    file = str(abeja.write("cat.jpg", LARGE))
    for name in ("first.json", "second.json"):
        arguments = ("upload", "--channel-id", channel, "--skip-duplicate-files", "--save-result", name, file)
        datalake(abeja, *arguments)
    (there,) = server.platform.look.files(channel)
    assert server.platform.calls("post_channel_file_upload")[-1].status == 409
    first, second = (json.loads((abeja.folder / name).read_text()) for name in ("first.json", "second.json"))
    assert (first[0]["file"], first[0]["file_id"]) == (file, there.file_id)
    assert [entry["file"] for entry in second] == [file]


def test_upload_that_is_refused(abeja: Abeja, server: Server) -> None:
    """The result is empty, and the exit code, as ever with this client, 0."""
    file = str(abeja.write("cat.jpg", LARGE))
    said = abeja(
        *("datalake", "upload", "--channel-id", "1234567890123", "--retry", "no", "--save-result", "r.json", file)
    )
    assert "Failed to upload" in said.error
    assert "404" in said.error
    assert json.loads((abeja.folder / "r.json").read_text()) == []


def test_create_and_upload(abeja: Abeja, server: Server) -> None:
    """One command makes the channel and fills it."""
    answer = json.loads(
        datalake(abeja, "create-and-upload", "--name", "both", "--recursive", str(folder_with_files(abeja)))
    )
    (record,) = server.platform.look.channels()
    assert (record.name, record.channel_id) == ("both", answer["channel"]["channel_id"])
    assert len(server.platform.look.files(record.channel_id)) == 3


# -- down ---------------------------------------------------------------------------------------


@pytest.fixture
def channel(server: Server) -> str:
    """A channel with three files: with a name, with one that has a folder in it, and without any."""
    channel = server.platform.seed.channel("mine")
    seed = server.platform.seed.file
    seed(channel, LARGE, content_type="image/jpeg", metadata={"filename": "cat.jpg"})
    seed(channel, b"small", metadata={"filename": "deep/small.txt"})
    seed(channel, b"")
    return channel


def test_download_everything(abeja: Abeja, server: Server, channel: str) -> None:
    """Each file under its name, in which there is no folder, or under its id."""
    nameless = server.platform.look.files(channel)[2].file_id
    listed = datalake(abeja, "download", "--channel-id", channel, "--output-path", "there", "--dry-run")
    assert [f"    {file.file_id}" for file in server.platform.look.files(channel)] == [
        line.partition(":")[0] for line in listed.splitlines()[1:]
    ]
    datalake(abeja, "download", "--channel-id", channel, "--output-path", "there")
    assert contents(abeja.folder / "there") == {"cat.jpg": LARGE, "deep-small.txt": b"small", nameless: b""}


def test_download_by_id(abeja: Abeja, server: Server, channel: str) -> None:
    """Only those that are named, and under their ids where that is wanted."""
    first, second, _ = server.platform.look.files(channel)
    datalake(
        abeja,
        *("download", "--channel-id", channel, "--output-path", "there", "--file-name", "id"),
        *("--file-id", first.file_id, "--file-id", second.file_id),
    )
    assert contents(abeja.folder / "there") == {first.file_id: LARGE, second.file_id: b"small"}


def test_download_by_date(abeja: Abeja, server: Server, channel: str) -> None:
    """Of a day that has files, and of one that has none."""
    day = server.platform.clock.now().strftime("%Y%m%d")
    for start, end, folder in ((day, day, "today"), ("20200101", "20200102", "then")):
        datalake(abeja, *("download", "--channel-id", channel, "--output-path", folder, "--start", start, "--end", end))
    assert len(contents(abeja.folder / "today")) == 3
    assert contents(abeja.folder / "then") == {}


def test_download_what_is_there_already(abeja: Abeja, channel: str) -> None:
    """Is left alone where that is wanted, and written again otherwise."""
    abeja.write("there/cat.jpg", "another cat")
    arguments = ("download", "--channel-id", channel, "--output-path", "there")
    datalake(abeja, *arguments, "--skip-duplicate-files")
    assert contents(abeja.folder / "there")["cat.jpg"] == b"another cat"
    datalake(abeja, *arguments)
    assert contents(abeja.folder / "there")["cat.jpg"] == LARGE


def test_download_of_many(abeja: Abeja, server: Server) -> None:
    """More than a page has, by ten threads at once: each file with its own content, none twice."""
    channel = server.platform.seed.channel("many")
    wanted = {f"{number:03}.bin": hashlib.sha256(str(number).encode()).digest() * 100 for number in range(25)}
    for name, content in wanted.items():
        server.platform.seed.file(channel, content, metadata={"filename": name})
    abeja.variables["DATALAKE_ITEMS_PER_PAGE"] = "10"
    datalake(abeja, "download", "--channel-id", channel, "--output-path", "there")
    assert contents(abeja.folder / "there") == wanted
    assert len(server.platform.calls("list_channel_files")) == 3
