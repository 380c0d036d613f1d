"""Files of a channel, through the client of the API."""

import datetime
from io import BytesIO

from .datalake import made
from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def uploaded(kit: Kit, channel_id: str, content: bytes, content_type: str = "text/plain", **options: "Any") -> str:
    """Upload a file with metadata as keyword arguments of `metadata`, and return its id."""
    metadata = {f"x-abeja-meta-{name}": value for name, value in options.pop("metadata", {}).items()}
    api = kit.api("datalake")
    answer = api.post_channel_file_upload(channel_id, BytesIO(content), content_type, metadata=metadata, **options)
    return str(answer["file_id"])


def listed(kit: Kit, channel_id: str, **options: "Any") -> "list[str]":
    """Return the ids of the files that are listed, checking that they are all there are."""
    answer = kit.api("datalake").list_channel_files(channel_id, **options)
    assert answer["next_page_token"] is None
    return [each["file_id"] for each in answer["files"]]


def own(metadata: "dict[str, str]") -> "dict[str, str]":
    """Return a file's metadata without the platform's own."""
    return {name: value for name, value in metadata.items() if not name.startswith("x-abeja-sys-meta-")}


def check_life_of_a_file(kit: Kit) -> None:
    """What is uploaded is listed and downloaded byte for byte, from a URL that needs no credential, until deleted."""
    api = kit.api("datalake")
    channel_id, other_id = made(kit, "channel", "other")
    content = bytes(range(256)) * 5
    answer = api.post_channel_file_upload(
        channel_id, BytesIO(content), "image/png", metadata={"x-abeja-meta-filename": "a.png"}
    )
    assert (answer["content_type"], answer["lifetime"], answer["uploaded_at"]) == ("image/png", None, None)
    file_id = answer["file_id"]
    (file,) = api.list_channel_files(channel_id)["files"]
    got = api.get_channel_file_download(channel_id, file_id)
    for each in (file, got):
        assert (each["file_id"], each["content_type"], each["lifetime"]) == (file_id, "image/png", None)
        assert own(each["metadata"]) == own(answer["metadata"]) == {"x-abeja-meta-filename": "a.png"}
        assert each["metadata"]["x-abeja-sys-meta-organizationid"] == kit.organization
        assert each["uploaded_at"] == got["uploaded_at"]
        for name in ("download_uri", "download_url"):
            sent = kit.http("GET", each[name])
            assert (sent.status, sent.body, sent.headers["Content-Type"]) == (200, content, "image/png")
    assert file_id.startswith(got["uploaded_at"][:19].replace("-", "").replace(":", ""))
    assert listed(kit, other_id) == []
    kit.refused(404, api.get_channel_file_download, other_id, file_id)
    assert api.delete_channel_file(channel_id, file_id) == {"message": f"deleted file ({file_id})"}
    assert listed(kit, channel_id) == []
    assert kit.http("GET", got["download_uri"]).status == 404
    kit.refused(404, api.get_channel_file_download, channel_id, file_id)
    kit.refused(404, api.delete_channel_file, channel_id, file_id)
    kit.refused(404, api.put_channel_file_metadata, channel_id, file_id, {})
    kit.refused(404, api.put_channel_file_lifetime, channel_id, file_id, "1day")


def check_files_of_one_content(kit: Kit) -> None:
    """Are each a file of their own: one is deleted, the other stays."""
    (channel_id,) = made(kit, "channel")
    first, second = (uploaded(kit, channel_id, b"the same") for _ in range(2))
    assert first != second
    api = kit.api("datalake")
    api.delete_channel_file(channel_id, first)
    assert listed(kit, channel_id) == [second]
    assert kit.http("GET", api.get_channel_file_download(channel_id, second)["download_uri"]).body == b"the same"


def check_announced_upload(kit: Kit) -> None:
    """A file that is announced is there once its content has been put, and has the type that was announced."""
    api = kit.api("datalake")
    (channel_id,) = made(kit, "channel")
    announced = api.get_channel_file_upload(channel_id, "text/csv", metadata={"x-abeja-meta-label": "犬"})
    assert (announced["content_type"], own(announced["metadata"])) == ("text/csv", {"x-abeja-meta-label": "犬"})
    assert listed(kit, channel_id) == []
    kit.refused(404, api.get_channel_file_download, channel_id, announced["file_id"])
    headers = {"Content-Type": "application/octet-stream"}
    assert kit.http("PUT", announced["upload_url"], b"a,b\n", headers=headers).status == 200
    assert listed(kit, channel_id) == [announced["file_id"]]
    got = api.get_channel_file_download(channel_id, announced["file_id"])
    assert (got["content_type"], got["metadata"]) == ("text/csv", announced["metadata"])
    assert kit.http("GET", got["download_uri"]).body == b"a,b\n"
    # It was good for one upload, not for another and not for a download.
    assert kit.http("PUT", announced["upload_url"], b"other", headers=headers).status == 404
    assert kit.http("GET", announced["upload_url"]).status == 403
    assert kit.http("GET", got["download_uri"]).body == b"a,b\n"


def check_metadata(kit: Kit) -> None:
    """Names and values in any script come back as they were; others take their place as a whole."""
    api = kit.api("datalake")
    (channel_id,) = made(kit, "channel")
    file_id = uploaded(kit, channel_id, b"content", metadata={"ラベル": "犬 & 猫/100%", "kept": "no"})
    got = api.get_channel_file_download(channel_id, file_id)
    wanted = {"ラベル": "犬 & 猫/100%", "kept": "no"}
    assert {name.lower(): value for name, value in own(got["metadata"]).items()} == {
        f"x-abeja-meta-{name}".lower(): value for name, value in wanted.items()
    }
    put = api.put_channel_file_metadata(channel_id, file_id, {"x-abeja-meta-色": "赤", "x-abeja-meta-size": 3})
    assert own(put["metadata"]) == {"x-abeja-meta-色": "赤", "x-abeja-meta-size": "3"}
    (file,) = api.list_channel_files(channel_id)["files"]
    again = api.get_channel_file_download(channel_id, file_id)
    assert put["metadata"] == file["metadata"] == again["metadata"]
    assert put["metadata"]["x-abeja-sys-meta-organizationid"] == kit.organization
    assert again["uploaded_at"] == got["uploaded_at"]
    kit.refused(400, api.put_channel_file_metadata, channel_id, file_id, {"filename": "without its prefix"})
    assert api.get_channel_file_download(channel_id, file_id)["metadata"] == put["metadata"]
    api.put_channel_file_metadata(channel_id, file_id)
    assert own(api.get_channel_file_download(channel_id, file_id)["metadata"]) == {}


def check_lifetime(kit: Kit) -> None:
    """It is one of the platform's terms, given with the file or later."""
    api = kit.api("datalake")
    (channel_id,) = made(kit, "channel")
    short, endless = uploaded(kit, channel_id, b"content", lifetime="1day"), uploaded(kit, channel_id, b"content")

    def lifetimes() -> "list[Any]":
        files = api.list_channel_files(channel_id)["files"]
        told = [each["lifetime"] for each in files]
        assert told == [api.get_channel_file_download(channel_id, each["file_id"])["lifetime"] for each in files]
        return told

    assert lifetimes() == ["1day", None]
    answer = api.put_channel_file_lifetime(channel_id, endless, "6months")
    assert answer == {"channel_id": channel_id, "file_id": endless, "lifetime": "6months"}
    assert lifetimes() == ["1day", "6months"]
    kit.refused(400, api.put_channel_file_lifetime, channel_id, short, "1century")
    kit.refused(400, api.post_channel_file_upload, channel_id, BytesIO(b"x"), "text/plain", lifetime="1century")
    assert lifetimes() == ["1day", "6months"]


def check_conflict_target(kit: Kit) -> None:
    """An upload is refused where a file of the channel has the same value under the key that is named."""
    api = kit.api("datalake")
    kit.takes(api.post_channel_file_upload, "conflict_target")
    first, other = made(kit, "first", "other")

    def upload(channel_id: str, filename: str) -> str:
        return uploaded(kit, channel_id, b"content", metadata={"filename": filename}, conflict_target="filename")

    file_id = upload(first, "a.txt")
    kit.refused(409, upload, first, "a.txt")
    assert listed(kit, first) == [file_id]
    upload(first, "b.txt")
    upload(other, "a.txt")
    uploaded(kit, first, b"content", metadata={"filename": "a.txt"})
    assert (len(listed(kit, first)), len(listed(kit, other))) == (3, 1)
    for each in api.list_channel_files(first, query="x-abeja-meta-filename:a.txt")["files"]:
        api.delete_channel_file(first, each["file_id"])
    upload(first, "a.txt")


def check_pages_of_files(kit: Kit) -> None:
    """Every file comes once, also where some go meanwhile; the last page has no token, and a token comes alone."""
    api = kit.api("datalake")
    channel_id, other_id = made(kit, "channel", "other")
    ids = [uploaded(kit, channel_id, b"content") for _ in range(5)]
    assert listed(kit, channel_id) == ids
    first = api.list_channel_files(channel_id, items_per_page=2)
    assert [each["file_id"] for each in first["files"]] == ids[:2]
    for file_id in (ids[0], ids[2]):
        api.delete_channel_file(channel_id, file_id)
    second = api.list_channel_files(channel_id, next_page_token=first["next_page_token"])
    assert [each["file_id"] for each in second["files"]] == ids[3:]
    assert second["next_page_token"] is None
    token = first["next_page_token"]
    kit.refused(400, api.list_channel_files, channel_id, next_page_token=token, items_per_page=2)
    kit.refused(400, api.list_channel_files, other_id, next_page_token=token)
    kit.refused(400, api.list_channel_files, channel_id, items_per_page=0)


def check_order_and_search_of_files(kit: Kit) -> None:
    """A listing is in the order that is asked for, and has what is looked for, on every page."""
    api = kit.api("datalake")
    (channel_id,) = made(kit, "channel")
    named = [("b", "1"), ("a", "2"), ("b", "3")]
    ids = [uploaded(kit, channel_id, b"content", metadata={"label": label, "n": n}) for label, n in named]
    assert listed(kit, channel_id, sort="uploaded_at") == ids
    assert listed(kit, channel_id, sort="-uploaded_at") == ids[::-1]
    assert listed(kit, channel_id, sort="x-abeja-meta-label,-x-abeja-meta-n") == [ids[1], ids[2], ids[0]]
    assert listed(kit, channel_id, query="x-abeja-meta-label:b") == [ids[0], ids[2]]
    assert listed(kit, channel_id, query="x-abeja-meta-n:>=2") == ids[1:]
    assert listed(kit, channel_id, query="x-abeja-meta-label:c") == []
    page = api.list_channel_files(channel_id, query="x-abeja-meta-label:b", sort="-uploaded_at", items_per_page=1)
    assert [each["file_id"] for each in page["files"]] == [ids[2]]
    assert listed(kit, channel_id, next_page_token=page["next_page_token"]) == [ids[0]]
    kit.refused(400, api.list_channel_files, channel_id, sort="no such key")
    api.put_channel_file_metadata(channel_id, ids[0], {"x-abeja-meta-label": "a"})
    assert listed(kit, channel_id, query="x-abeja-meta-label:a") == ids[:2]


def check_days_of_files(kit: Kit) -> None:
    """`start` and `end` are days of the zone that is named, else of UTC, and are in the range themselves."""
    api = kit.api("datalake")
    (channel_id,) = made(kit, "channel")
    file_id = uploaded(kit, channel_id, b"content")
    moment = api.get_channel_file_download(channel_id, file_id)["uploaded_at"][:19]
    utc = datetime.datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - its zone is UTC, as it says
    # Whatever the hour is, in one of the last two it is another day than in the first.
    for zone, hours in (("UTC", 0), ("Etc/GMT+12", -12), ("Pacific/Kiritimati", 14)):
        there = utc + datetime.timedelta(hours=hours)
        before, day, after = (f"{there + datetime.timedelta(days=days):%Y%m%d}" for days in (-1, 0, 1))
        for start, end, found in (
            (day, day, True),
            (before, after, True),
            (day, None, True),
            (None, day, True),
            (after, None, False),
            (None, before, False),
        ):
            wanted = [file_id] if found else []
            assert listed(kit, channel_id, start=start, end=end, timezone=zone) == wanted
            if zone == "UTC":
                assert listed(kit, channel_id, start=start, end=end) == wanted
    kit.refused(400, api.list_channel_files, channel_id, start="20240230")
    kit.refused(400, api.list_channel_files, channel_id, start="20240201", timezone="No/Where")
