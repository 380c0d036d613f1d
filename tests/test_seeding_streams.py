"""Sources of any size: iterators, JSON lines and folders, one item after the other, all of them or none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from abeja.datasets import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.platform import Platform
from abeja_emulator.seeding import Labels, SeedError, read_source
from abeja_emulator.services.datasets.rules import Datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE = {"data_uri": "datalake://1230000000000/20240102T030405-aaa", "data_type": "image/png"}

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ITEM = st.fixed_dictionaries({"content": JSON}, optional={"label": TEXT | st.integers(0, 5), "attributes": JSON})


def contents(platform: Platform, dataset_id: str, channel_id: str) -> list[tuple[bytes, Any]]:
    """Return content and attributes of each item."""
    return [
        (platform.look.content(channel_id, item.source_data[0]["data_uri"].rpartition("/")[2]), item.attributes)
        for item in platform.look.items(dataset_id)
    ]


def check_nothing(platform: Platform) -> None:
    """Check that nothing is left of a seed that failed."""
    assert (platform.look.datasets(), platform.look.channels()) == ([], [])
    assert platform.world.store.blobs.size == 0


class TestIterators:
    """Whatever gives one item after the other."""

    def test_each_item_is_there_before_the_next_is_taken(self, platform: Platform) -> None:
        """With its file; nothing has to wait in memory."""
        seen = []

        def items() -> Iterator[tuple[str, str]]:
            for number in range(5):
                found = [len(platform.look.items(dataset.dataset_id)) for dataset in platform.look.datasets()]
                files = [len(platform.look.files(channel.channel_id)) for channel in platform.look.channels()]
                seen.append((found, files))
                yield f"content {number}", "label"

        assert platform.seed.dataset(items()).total_count == 5
        assert seen == [([number], [number]) for number in range(5)]

    @pytest.mark.parametrize("make", [iter, tuple, lambda items: {"items": iter(items)}])
    def test_the_same_as_a_list(self, platform: Platform, make: Callable[[Any], Any]) -> None:
        """Items, labels and properties; of an iterator labels are known only at the end."""
        items = [("a", "dog"), {"content": "b", "label": "cat"}, ("c", None), ("d", "dog")]
        one, two = platform.seed.dataset(items), platform.seed.dataset(make(items))
        assert (one.labels, one.total_count) == (two.labels, two.total_count) == (("dog", "cat"), 4)
        first, second = platform.look.dataset(one), platform.look.dataset(two)
        assert (first.type, first.props) == (second.type, second.props)
        assert [label["label"] for label in second.props["categories"][0]["labels"]] == ["dog", "cat"]
        assert contents(platform, one, one.channel_id) == contents(platform, two, two.channel_id)

    def test_what_it_raises_comes_through(self, platform: Platform) -> None:
        """Even what looks like an error of an item; nothing is made."""

        def items(error: Exception) -> Iterator[tuple[str, str]]:
            yield "content", "label"
            raise error

        for error in (ValueError("mine"), OSError("mine"), SeedError("mine"), KeyError("mine")):
            with pytest.raises(type(error), match=r"^'?mine'?$") as refused:
                platform.seed.dataset(items(error))
            assert refused.value is error
            check_nothing(platform)

    def test_it_may_read_from_the_platform(self, abeja: Platform) -> None:
        """A dataset that is made of another one, through the SDK."""
        first = abeja.seed.dataset([("a", "x"), ("b", "y")], "first")
        items = Client().get_dataset(first).dataset_items.list(prefetch=False)
        second = abeja.seed.dataset(
            ({"content": item.source_data[0].get_content(), "label": "z"} for item in items), "second"
        )
        assert [content for content, _ in contents(abeja, second, second.channel_id)] == [b"a", b"b"]

    def test_it_is_closed(self, platform: Platform) -> None:
        """When an item of it is wrong, too: it may hold a file open."""
        ended = []

        def items() -> Iterator[Any]:
            try:
                yield "content", "label"
                yield {"lable": "wrong"}
            finally:
                ended.append(True)

        with pytest.raises(SeedError, match="item 1 cannot be read: unknown keys 'lable'"):
            platform.seed.dataset(items())
        assert ended == [True]

    @pytest.mark.parametrize("source", [5, b"bytes", {"items": "text"}, {"items": {"a": "b"}}])
    def test_what_gives_no_items(self, platform: Platform, source: Any) -> None:
        """Text and mappings give parts that are none."""
        with pytest.raises(SeedError, match="a dataset needs a list of items, not "):
            platform.seed.dataset(source)


class TestWrongItems:
    """Number and reason, also of what only shows when an item is kept; nothing is made."""

    @pytest.mark.parametrize(
        ("item", "why"),
        [
            ({"source_data": [{"data_uri": "s3://a/b"}]}, "a data_uri is datalake://.* 's3://a/b'"),
            ({"source_data": [{}]}, "source_data needs a data_uri"),
            ({"source_data": [{**FILE, "type": 1}]}, "must not have the key 'type'"),
            ({"source_data": FILE}, "source_data is a list of mappings with data_uri and data_type, not {"),
            ({"source_data": "datalake://1/2"}, "source_data is a list of mappings .* not 'datalake"),
            ({"source_data": [None]}, "source_data is a list of mappings .* in it is None"),
            ({"source_data": [FILE], "attributes": {"x": object()}}, "Encoding objects of type object is unsupported"),
            ({"source_data": [FILE], "attributes": {(1,): 2}}, "Only dicts with str-like or number-like keys"),
            ({"source_data": [FILE], "attributes": "\ud800"}, "it is not UTF-8 throughout"),
            ({"content": "\ud800"}, "it is not UTF-8 throughout"),
            ({"content": "a", "content_type": 5}, "content_type is text, not 5"),
            ({"file": 5}, "unsupported operand"),
            ({"file": "."}, "Is a directory"),
        ],
    )
    def test_item(self, platform: Platform, item: Any, why: str) -> None:
        """Whichever part of it."""
        with pytest.raises(SeedError, match=f"^item 1 cannot be read: .*{why}"):
            platform.seed.dataset(iter([("content", "label"), item]))
        check_nothing(platform)

    def test_a_nested_one(self, platform: Platform) -> None:
        """Deeper than can be written."""
        attributes: list[Any] = []
        for _ in range(100_000):
            attributes = [attributes]
        with pytest.raises(SeedError, match="item 0 cannot be read: it is nested too deeply"):
            platform.seed.dataset([{"content": "a", "attributes": attributes}])
        while attributes:
            attributes = attributes[0]  # or it would be taken down level by level, on the stack

    @pytest.mark.parametrize("key", ["name", "type"])
    def test_a_dataset(self, platform: Platform, tmp_path: Path, key: str) -> None:
        """A name without quotes is a number in YAML; it would break every list of datasets."""
        path = tmp_path / "year.yaml"
        path.write_text(f"{key}: 2024\nitems: []\n")
        with pytest.raises(SeedError, match=rf"year.yaml: the {key} of a dataset is text, not 2024; put it in quotes"):
            platform.seed.dataset(path)
        assert platform.look.datasets() == []


class TestLines:
    """JSON lines."""

    @given(items=st.lists(ITEM, max_size=6))
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_same_as_a_file_of_json(self, platform: Platform, tmp_path: Path, items: list[Any]) -> None:
        """Whatever the items."""
        (tmp_path / "a.json").write_text(json.dumps(items), encoding="utf-8")
        (tmp_path / "a.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
        one, two = (platform.seed.dataset(tmp_path / name) for name in ("a.json", "a.jsonl"))
        assert (one.labels, one.total_count) == (two.labels, two.total_count)
        assert platform.look.dataset(one).props == platform.look.dataset(two).props
        assert contents(platform, one, one.channel_id) == contents(platform, two, two.channel_id)

    def test_pairs_paths_and_empty_lines(self, platform: Platform, tmp_path: Path) -> None:
        """As in a list; a mark in front of the first line and Windows line ends do not matter."""
        (tmp_path / "x.txt").write_text("x")
        lines = [
            b'\xef\xbb\xbf["a", "cat"]',
            b"",
            b'  {"file": "x.txt", "label": 5} ',
            b"\t",
            b'{"content": "\\ud83d\\ude00"}',
        ]
        (tmp_path / "pets.jsonl").write_bytes(b"\r\n".join(lines))
        dataset = platform.seed.dataset(str(tmp_path / "pets.jsonl"))
        assert (dataset.name, dataset.labels) == ("pets", ("cat", "5"))
        found = [content for content, _ in contents(platform, dataset, dataset.channel_id)]
        assert found == [b"a", b"x", "😀".encode()]

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (b"{", r"it is not JSON: Expecting property name enclosed in double quotes \(column 2\)"),
            (b"{} {}", "it is not JSON: Extra data"),
            (b"5", "an item is a pair"),
            (b'{"lable": 1}', "unknown keys 'lable'"),
            (b'["\xff", "a"]', "it is not UTF-8 throughout"),
            (b'["\\ud800", "a"]', "it is not UTF-8 throughout"),
            (b'{"content": "a", "attributes": "\\udfff"}', "it is not UTF-8 throughout"),
            (b"[" * 100_000, "it is nested too deeply"),
            (b'{"source_data": [{"data_uri": "nowhere"}]}', "a data_uri is"),
            (b'{"file": "missing"}', "No such file or directory: '.*missing'"),
        ],
    )
    def test_wrong(self, platform: Platform, tmp_path: Path, line: bytes, why: str) -> None:
        """File, line and reason; nothing is made."""
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'["a", "b"]\n\n' + line + b"\n")
        with pytest.raises(SeedError, match=f"^{path}: line 3 cannot be read: .*{why}"):
            platform.seed.dataset(path)
        check_nothing(platform)


class TestFolders:
    """Files of folders, one after the other."""

    NAMES = ("b/2", "a/x/1", "a.txt/1", "a/1", "a b/3", "A/z", "a/x.y/1", "a-b/1", "10/1", "9/1")

    def test_order(self, platform: Platform, tmp_path: Path) -> None:
        """Of their paths, part by part."""
        for name in self.NAMES:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(name)
        dataset = platform.seed.dataset(tmp_path)
        found = contents(platform, dataset, dataset.channel_id)
        assert [content.decode() for content, _ in found] == [path.as_posix() for path in sorted(map(Path, self.NAMES))]
        assert [attributes["classification"][0]["label"] for _, attributes in found] == [
            content.decode().partition("/")[0] for content, _ in found
        ]

    def test_links(self, platform: Platform, tmp_path: Path) -> None:
        """To files are files, and to folders or to nothing are none: the folder above would have no end."""
        (tmp_path / "data" / "cat").mkdir(parents=True)
        (tmp_path / "one.txt").write_text("one")
        (tmp_path / "data" / "cat" / "one").symlink_to(tmp_path / "one.txt")
        (tmp_path / "data" / "cat" / "gone").symlink_to(tmp_path / "nowhere")
        (tmp_path / "data" / "cat" / "up").symlink_to(tmp_path / "data")
        dataset = platform.seed.dataset(tmp_path / "data")
        assert [content for content, _ in contents(platform, dataset, dataset.channel_id)] == [b"one"]

    def test_a_file_is_read_when_its_turn_comes(self, platform: Platform, tmp_path: Path) -> None:
        """One that is gone by then is named, and nothing is made."""
        for name in ("1.txt", "2.txt"):
            (tmp_path / name).write_text(name)

        def remove(made: int) -> None:
            assert made == 1
            (tmp_path / "2.txt").unlink()

        gone = tmp_path / "2.txt"
        with pytest.raises(SeedError, match=f"^{gone} cannot be read: No such file or directory: '{gone}'$"):
            platform.seed.dataset(tmp_path, progress=remove)
        check_nothing(platform)

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may look everywhere")
    def test_what_may_not_be_read(self, platform: Platform, tmp_path: Path) -> None:
        """Is named, and not left out."""
        (tmp_path / "a").mkdir(mode=0)
        with pytest.raises(SeedError, match=f"folder {tmp_path / 'a'} cannot be read: Permission denied"):
            platform.seed.dataset(tmp_path)
        (tmp_path / "a").chmod(0o700)


class TestProgress:
    """How many were made so far."""

    @pytest.mark.parametrize("count", [0, 1, 2, 41, 5000])
    def test_calls(self, platform: Platform, count: int) -> None:
        """More each time, from the first on; the last one is all of them; a few hundred at most."""
        told: list[int] = []
        made = platform.seed.dataset(({"source_data": [FILE]} for _ in range(count)), progress=told.append)
        assert made.total_count == count
        assert told == sorted(set(told))
        assert told[:1] + told[-1:] == ([1, count] if count else [])
        assert len(told) <= 300

    def test_what_was_told_is_there(self, platform: Platform) -> None:
        """Already, and not only read."""
        told = []

        def progress(made: int) -> None:
            (dataset,) = platform.look.datasets()
            told.append((made, len(platform.look.items(dataset.dataset_id))))

        platform.seed.dataset([("a", "x")] * 30, progress=progress)
        assert told == [(number, number) for number in range(1, 31)]

    @pytest.mark.parametrize("error", [ValueError("enough"), KeyboardInterrupt("enough")])
    def test_what_it_raises_ends_all(self, platform: Platform, error: BaseException) -> None:
        """And comes through as it is; nothing is made."""

        def progress(made: int) -> None:
            if made == 3:
                raise error

        with pytest.raises(type(error)) as refused:
            platform.seed.dataset(iter([("a", "x")] * 9), progress=progress)
        assert refused.value is error
        check_nothing(platform)


def test_a_stream_into_a_data_directory(tmp_path: Path) -> None:
    """All of it is there for the next Platform, and nothing of one that failed."""
    (tmp_path / "a.csv").write_text("content,label\n" + "text,cat\n" * 1000)
    (tmp_path / "b.csv").write_text("content,label\n" + "text,cat\n" * 1000 + "text\n")
    with Platform(data=tmp_path / "data") as platform:
        dataset = platform.seed.dataset(tmp_path / "a.csv")
        with pytest.raises(SeedError, match=r"b\.csv: line 1002 "):
            platform.seed.dataset(tmp_path / "b.csv")
    with Platform(data=tmp_path / "data") as platform:
        assert [one.name for one in platform.look.datasets()] == ["a"]
        assert (
            contents(platform, dataset, dataset.channel_id)
            == [(b"text", {"classification": [{"category_id": 1, "label_id": 0, "label": "cat"}]})] * 1000
        )
        with platform.world.store.reading():
            shown = Datasets(platform.world).view(platform.look.dataset(dataset))
        assert shown["total_count"] == 1000
        assert shown["props"]["categories"][0]["labels"] == [{"label_id": 0, "label": "cat"}]


def test_reading_without_a_platform(tmp_path: Path) -> None:
    """Items of a source that is still there can be read again; labels get the ids that a dataset's would."""
    (tmp_path / "a.csv").write_text("file,label,size\nmissing,cat,1\nmissing,dog,\n")
    items = read_source(tmp_path / "a.csv")
    for _ in range(2):
        labels = Labels(None)
        found = [(entry.path, labels.attributes(entry)) for entry in items]
        assert [path for path, _ in found] == [tmp_path / "missing"] * 2
        assert found[0][1] == {"classification": [{"category_id": 1, "label_id": 0, "label": "cat"}], "size": "1"}
        assert labels.names == ("cat", "dog")
        assert labels.props("a")["categories"][0]["name"] == "a"
    assert (items.given, items.count, items.place) == ({"name": "a"}, None, f"{tmp_path / 'a.csv'}: line 3")
    assert read_source([("a", "b")]).count == 1


def test_what_was_read_is_a_source(platform: Platform, tmp_path: Path) -> None:
    """Nothing is parsed again; the name is that of the file."""
    (tmp_path / "pets.json").write_text('[["a", "cat"]]')
    items = read_source(tmp_path / "pets.json")
    (tmp_path / "pets.json").unlink()
    dataset = platform.seed.dataset(items)
    assert (dataset.name, dataset.labels, dataset.total_count) == ("pets", ("cat",), 1)
