"""Channels and their files, as objects."""

import os
import tempfile
from io import BytesIO

from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Chunks of that many bytes, which is no divisor of the content's length.
CHUNK = 5
CONTENT = b"first line\nsecond line\n"


def made(kit: Kit, name: str = "channel") -> "Any":
    """Make a channel and return it."""
    return kit.module("datalake").Client().channels.create(name, f"about {name}", "datalake")


def ids(files: "Any") -> "list[str]":
    """Return the ids of files, in their order."""
    return [each.file_id for each in files]


def shown(channel: "Any") -> "tuple[Any, ...]":
    """Return what a channel says of itself."""
    return channel.channel_id, channel.name, channel.display_name, channel.description, channel.archived


def check_channels(kit: Kit) -> None:
    """What is created is got and listed, as it is after each change."""
    client = kit.module("datalake").Client()
    first, second = made(kit, "first"), made(kit, "second")
    assert shown(first) == (first.channel_id, "first", "first", "about first", False)
    assert (first.organization_id, first.storage_type) == (kit.organization, "datalake")
    for got in (client.get_channel(first.channel_id), client.channels.get(first.channel_id)):
        assert shown(got) == shown(first)
        assert (got.storage_type, got.created_at) == ("datalake", first.created_at)
    patched = client.channels.patch(first.channel_id, name="renamed", description="other")
    assert shown(patched) == (first.channel_id, "renamed", "renamed", "other", False)
    assert [shown(each) for each in client.channels.list()] == [shown(patched), shown(second)]
    assert [shown(each) for each in client.channels.list(limit=1, offset=1)] == [shown(second)]
    kit.api("datalake").archive_channel(kit.organization, second.channel_id)
    assert client.get_channel(second.channel_id).archived is True
    assert [each.channel_id for each in client.channels.list()] == [first.channel_id]
    kit.refused(404, client.get_channel, "1999999999999")


def check_uploads(kit: Kit) -> None:
    """A file that is uploaded has the type, the metadata and the lifetime that it was given, or its name's."""
    channel = made(kit)
    metadata = {"filename": "犬.txt", "number": 1, "Content-Type": "not metadata"}
    loaded = [channel.upload(BytesIO(CONTENT), "text/csv", metadata=metadata, lifetime="1week")]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "picture.png")
        with open(path, "wb") as file:
            file.write(CONTENT)
        loaded.append(channel.upload_file(path))
        loaded.append(channel.upload_file(path, metadata={"filename": "other"}, content_type="a/b", lifetime="1day"))
    wanted = [
        ("text/csv", {"filename": "犬.txt", "number": "1"}, "1week"),
        ("image/png", {"filename": "picture.png"}, None),
        ("a/b", {"filename": "other"}, "1day"),
    ]
    got = [channel.get_file(each.file_id) for each in loaded]
    for files in (loaded, got, list(channel.list_files())):
        assert ids(files) == ids(loaded)
        assert [(each.content_type, dict(each.metadata), each.lifetime) for each in files] == wanted
        assert [each.uri for each in files] == [f"datalake://{channel.channel_id}/{each.file_id}" for each in loaded]
    assert [each.uploaded_at for each in got] == [each.uploaded_at for each in channel.list_files()]
    assert [each.get_content(cache=False) for each in got] == [CONTENT] * 3


def check_upload_that_conflicts(kit: Kit) -> None:
    """Of several files one is left out where its value is taken; alone it is refused."""
    channel = made(kit)
    kit.takes(channel.upload, "conflict_target")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a", "b"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(name.encode())
        path = os.path.join(folder, "a")
        first = channel.upload_file(path, content_type="text/plain", conflict_target="filename")
        kit.refused(409, channel.upload_file, path, content_type="text/plain", conflict_target="filename")
        loaded = channel.upload_dir(folder, content_type="text/plain", conflict_target="filename")
    assert [each.metadata["filename"] for each in loaded] == ["b"]
    assert ids(channel.files.list()) == [first.file_id, *ids(loaded)]
    options = {"content_type": "text/plain", "metadata": {"filename": "b"}, "conflict_target": "filename"}
    kit.refused(409, channel.upload, BytesIO(b"b"), **options)


def check_upload_of_a_folder(kit: Kit) -> None:
    """Every file below it is uploaded once, with several threads or without."""
    channels = {use_thread: made(kit, f"threads {use_thread}") for use_thread in (True, False)}
    wanted = {f"{number}.txt": f"content {number}".encode() for number in range(7)}
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "inner"))
        for number, (name, content) in enumerate(wanted.items()):
            with open(os.path.join(folder, "inner" if number % 2 else "", name), "wb") as file:
                file.write(content)
        for use_thread, channel in channels.items():
            loaded = channel.upload_dir(
                folder, metadata={"origin": "folder"}, lifetime="1day", recursive=True, use_thread=use_thread
            )
            assert sorted(ids(loaded)) == sorted(ids(channel.list_files()))
    for channel in channels.values():
        files = list(channel.list_files())
        assert {each.metadata["filename"]: each.get_content(cache=False) for each in files} == wanted
        assert len(files) == len(wanted)
        assert {(each.content_type, each.metadata["origin"], each.lifetime) for each in files} == {
            ("text/plain", "folder", "1day")
        }


def check_walking_through_files(kit: Kit) -> None:
    """Each file comes once, in the order that is asked for, whatever the size of a page."""
    channel = made(kit)
    labels = ("a", "b", "a", "b", "a")
    loaded = ids(channel.upload(BytesIO(CONTENT), "text/plain", metadata={"label": label}) for label in labels)
    assert ids(channel.files.list()) == loaded
    for limit in (1, 2, 5, 6):
        assert ids(channel.files.list(limit=limit)) == loaded
        assert ids(channel.list_files(limit=limit, sort="-uploaded_at")) == loaded[::-1]
        assert sorted(ids(channel.list_files(limit=limit, prefetch=True))) == sorted(loaded)
        assert sorted(ids(channel.files.list(limit=limit, prefetch=True))) == sorted(loaded)
    assert ids(channel.list_files(query="x-abeja-meta-label:a", limit=2)) == loaded[0::2]
    token = kit.api("datalake").list_channel_files(channel.channel_id, items_per_page=3)["next_page_token"]
    assert ids(channel.list_files(next_page_token=token)) == loaded[3:]
    assert ids(channel.files.list(next_page_token=token)) == loaded[3:]
    walk = channel.files.list(limit=2)
    assert [next(walk).file_id for _ in range(3)] == loaded[:3]
    assert ids(walk) == loaded[3:]


def check_walking_through_days(kit: Kit) -> None:
    """A file is listed from its day on and up to its day, and on no other."""
    channel = made(kit)
    file_id = channel.upload(BytesIO(CONTENT), "text/plain").file_id
    day = channel.get_file(file_id).uploaded_at[:10].replace("-", "")
    for files in (channel.list_files, channel.files.list):
        assert ids(files(start=day, end=day, timezone="UTC")) == [file_id]
        assert ids(files(start="20000101", end="20000102", timezone="UTC")) == []
        assert ids(files(start="29990101")) == []


def check_content(kit: Kit) -> None:
    """However it is read, it is what was uploaded; kept content outlives the file, the file's own does not."""
    channel = made(kit)
    file_id = channel.upload(BytesIO(CONTENT), "text/plain").file_id
    file = channel.get_file(file_id)
    text, chunks = CONTENT.decode(), [CONTENT[start : start + CHUNK] for start in range(0, len(CONTENT), CHUNK)]
    assert file.get_content(cache=False) == CONTENT
    assert file.get_text(cache=False) == text
    assert list(file.get_iter_content(cache=False, chunk_size=CHUNK)) == chunks
    assert list(file.get_iter_lines(cache=False)) == CONTENT.splitlines()
    info = file.get_file_info()
    assert (info["file_id"], info["content_type"]) == (file_id, "text/plain")
    assert kit.http("GET", info["download_uri"]).body == CONTENT
    for deleted in (False, True):
        assert list(file.get_iter_content(chunk_size=CHUNK)) == chunks
        assert file.get_content() == CONTENT
        assert file.get_text() == text
        # By characters of the first line in SDKs before 2.1, by lines since.
        assert "".join(file.get_iter_lines()).startswith(text.splitlines()[0])
        if not deleted:
            kit.api("datalake").delete_channel_file(channel.channel_id, file_id)
    kit.refused(404, file.get_content, cache=False)
    kit.refused(404, file.get_file_info)


def check_json_and_text_in_any_script(kit: Kit) -> None:
    """Content is decoded as its type says, or as the reader says."""
    channel = made(kit)
    content = '{"label": "犬"}'.encode()
    file = channel.upload(BytesIO(content), "application/json; charset=utf-8")
    assert file.get_json() == {"label": "犬"}
    assert file.get_text(cache=False) == content.decode()
    # Without a charset text is read as Latin-1, which the SDK turns back where an encoding is named.
    plain = channel.upload(BytesIO(content), "text/plain")
    assert plain.get_text(cache=False) == content.decode("latin-1")
    assert plain.get_text(cache=False, encoding="utf-8") == content.decode()


def check_committing_a_file(kit: Kit) -> None:
    """Changed metadata and lifetime are the platform's once they are committed, not before."""
    channel = made(kit)
    file = channel.upload(BytesIO(CONTENT), "text/plain", metadata={"filename": "a", "kept": "yes"})

    def kept() -> "tuple[dict[str, str], Any]":
        got = channel.get_file(file.file_id)
        return dict(got.metadata), got.lifetime

    file.metadata["filename"] = "b"
    file.metadata.update({"number": 3, "Content-Type": "not metadata"}, label="犬")
    file.lifetime = "1week"
    changed = {"filename": "b", "kept": "yes", "number": "3", "label": "犬"}
    assert dict(file.metadata) == changed
    assert (file.metadata.get("number"), file.metadata.get("absent", "none")) == ("3", "none")
    assert kept() == ({"filename": "a", "kept": "yes"}, None)
    assert file.commit() is True
    assert kept() == (changed, "1week")
    (listed,) = channel.list_files()
    assert (dict(listed.metadata), listed.lifetime) == (changed, "1week")
    kit.api("datalake").delete_channel_file(channel.channel_id, file.file_id)
    kit.refused(404, file.commit)


def check_commit_that_is_refused(kit: Kit) -> None:
    """A lifetime that is refused leaves the metadata as they were: the SDK puts them back, the platform's own too."""
    channel = made(kit)
    file = channel.upload(BytesIO(CONTENT), "text/plain", metadata={"filename": "a"}, lifetime="1day")
    before = kit.api("datalake").get_channel_file_download(channel.channel_id, file.file_id)["metadata"]
    file.metadata["filename"] = "b"
    # The SDK has no such term itself, so it is not asked.
    file._lifetime = "1century"
    kit.refused(400, file.commit)
    after = kit.api("datalake").get_channel_file_download(channel.channel_id, file.file_id)
    assert (after["metadata"], after["lifetime"]) == (before, "1day")
