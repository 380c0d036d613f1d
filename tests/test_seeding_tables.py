"""From tables (CSV) to datasets: columns, labels, and what is wrong with which line."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest
from abeja.datalake.client import Client as DatalakeClient
from abeja.datasets import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.seeding import SeedError

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform

FILE = "datalake://1230000000000/20240102T030405-aaa"

#: What a cell may hold; the standard library's writer of tables cannot write a carriage return alone.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20)


def table(folder: Path, text: str | bytes) -> Path:
    """Write a table."""
    path = folder / "animals.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def made(platform: Platform, path: Path, **options: Any) -> list[Any]:
    """Seed a table and return the attributes of its items."""
    return [item.attributes for item in platform.look.items(platform.seed.dataset(path, **options))]


def classified(label: str, label_id: int, category_id: int = 1) -> dict[str, Any]:
    """Return the attributes of an item with a label."""
    return {"classification": [{"category_id": category_id, "label_id": label_id, "label": label}]}


class TestColumns:
    """What an item is, and what it has."""

    def test_files(self, abeja: Platform, tmp_path: Path) -> None:
        """Uploaded with name and type, relative to the table; read back by the SDK."""
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a.png").write_bytes(b"\x89PNG")
        (tmp_path / "b").write_bytes(b"b")
        path = table(tmp_path, f"label,file,content_type\ncat,data/a.png,\ndog,{tmp_path / 'b'},text/x-b\n")
        dataset = abeja.seed.dataset(path)
        assert (dataset.name, dataset.labels, dataset.total_count) == ("animals", ("cat", "dog"), 2)
        found = list(Client().get_dataset(dataset).dataset_items.list(prefetch=False))
        assert [item.source_data[0].get_content() for item in found] == [b"\x89PNG", b"b"]
        assert [item.attributes for item in found] == [classified("cat", 0), classified("dog", 1)]
        files = list(DatalakeClient().get_channel(dataset.channel_id).list_files())
        assert [file.metadata["filename"] for file in files] == ["a.png", "b"]
        assert [file.content_type for file in files] == ["image/png", "text/x-b"]

    def test_content(self, platform: Platform, tmp_path: Path) -> None:
        """Text as it stands there, over several lines too, and none at all."""
        path = table(tmp_path, 'content,content_type\n"one\n""two""",\n"",text/html\n鍵,\n')
        dataset = platform.seed.dataset(path)
        files = platform.look.files(dataset.channel_id)
        assert [platform.look.content(dataset.channel_id, file.file_id) for file in files] == [
            b'one\n"two"',
            b"",
            "鍵".encode(),
        ]
        assert [file.content_type for file in files] == ["text/plain", "text/html", "text/plain"]
        assert (dataset.labels, platform.look.dataset(dataset).type) == ((), "custom")

    def test_data_uri(self, platform: Platform, tmp_path: Path) -> None:
        """Nothing is uploaded; the type is the one said, or what the end of the URI tells."""
        rows = [(FILE, "image/png"), (FILE, ""), ("https://example.com/a.jpg", ""), ("https://example.com/a", "")]
        path = table(tmp_path, "data_uri,data_type\n" + "".join(f"{uri},{kind}\n" for uri, kind in rows))
        dataset = platform.seed.dataset(path)
        kinds = ["image/png", "application/octet-stream", "image/jpeg", "application/octet-stream"]
        assert [item.source_data for item in platform.look.items(dataset)] == [
            [{"data_uri": uri, "data_type": kind}] for (uri, _), kind in zip(rows, kinds)
        ]
        assert platform.look.files(dataset.channel_id) == []

    def test_data_uris(self, platform: Platform, tmp_path: Path) -> None:
        """Several files of one item, with spaces between."""
        dataset = platform.seed.dataset(table(tmp_path, f"data_uris\n{FILE} https://example.com/a.jpg\n{FILE}\n"))
        found = [[one["data_uri"] for one in item.source_data] for item in platform.look.items(dataset)]
        assert found == [[FILE, "https://example.com/a.jpg"], [FILE]]

    def test_other_columns_are_attributes(self, platform: Platform, tmp_path: Path) -> None:
        """As text, beside the label; an empty cell is none."""
        text = "size,content,label,色\n007,a,cat,赤\n,b,cat,\n1e5,c,,x\n"
        assert made(platform, table(tmp_path, text)) == [
            {**classified("cat", 0), "size": "007", "色": "赤"},
            classified("cat", 0),
            {"size": "1e5", "色": "x"},
        ]

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    def test_as_excel_writes_it(self, platform: Platform, tmp_path: Path, end: str, mark: bytes) -> None:
        """With a mark in front, other line ends, empty lines, and no end of the last line."""
        text = end.join(["content,label", "a,cat", "", '"b,""c""",dog'])
        assert made(platform, table(tmp_path, mark + text.encode())) == [classified("cat", 0), classified("dog", 1)]

    def test_a_table_without_rows(self, platform: Platform, tmp_path: Path) -> None:
        """An empty dataset."""
        assert made(platform, table(tmp_path, "content,label\n")) == []

    @given(rows=st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8))
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_text(self, platform: Platform, tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
        """What a writer of tables writes is what items have: content, label and attributes; ids in order of labels."""
        with (tmp_path / "any.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("content", "label", "more"), *rows])
        dataset = platform.seed.dataset(tmp_path / "any.csv")
        files = platform.look.files(dataset.channel_id)
        assert [platform.look.content(dataset.channel_id, file.file_id).decode() for file in files] == [
            content for content, _, _ in rows
        ]
        labels = list(dict.fromkeys(label for _, label, _ in rows if label))
        assert list(dataset.labels) == labels
        assert [item.attributes for item in platform.look.items(dataset)] == [
            {**(classified(label, labels.index(label)) if label else {}), **({"more": more} if more else {})}
            for _, label, more in rows
        ]


class TestLabelIds:
    """A column with the ids of labels."""

    def test_beside_labels(self, platform: Platform, tmp_path: Path) -> None:
        """Items and properties of the dataset have those; labels are in the order of their ids."""
        path = table(tmp_path, "content,label,label_id\na,dog,7\nb,cat,3\nc,,\nd,dog,7\n")
        dataset = platform.seed.dataset(path)
        assert [item.attributes for item in platform.look.items(dataset)] == [
            classified("dog", 7),
            classified("cat", 3),
            {},
            classified("dog", 7),
        ]
        assert dataset.labels == ("cat", "dog")
        (category,) = platform.look.dataset(dataset).props["categories"]
        assert category["labels"] == [{"label_id": 3, "label": "cat"}, {"label_id": 7, "label": "dog"}]

    def test_alone(self, platform: Platform, tmp_path: Path) -> None:
        """The label is the one that the properties name, or else the id as text."""
        path = table(tmp_path, "content,label_id\na,10\nb,2\nc,\n")
        assert made(platform, path) == [classified("10", 10), classified("2", 2), {}]
        labels = [{"label_id": 2, "label": "cat"}, {"label_id": 10, "label": "dog"}]
        props = {"categories": [{"category_id": 5, "labels": labels}]}
        assert made(platform, path, props=props) == [classified("dog", 10, 5), classified("cat", 2, 5), {}]

    @pytest.mark.parametrize(
        ("rows", "line", "why"),
        [
            (
                "cat,1\ndog,1\n",
                3,
                "it has the label 'dog' with the label_id 1, but an item before it has the label 'cat'",
            ),
            (
                "cat,1\ncat,2\n",
                3,
                "it has the label 'cat' with the label_id 2, but an item before it has the label 'cat'",
            ),
            ("cat,\n", 2, "it has the label 'cat' and the label_id ''; fill in both or neither"),
            (",3\n", 2, "it has the label '' and the label_id '3'; fill in both or neither"),
            ("cat,-1\n", 2, "label_id is a number, not '-1'"),
            ("cat,１\n", 2, "label_id is a number, not '１'"),
            (f"cat,{'1' * 5000}\n", 2, "label_id is a number, not '111"),
        ],
    )
    def test_wrong(self, platform: Platform, tmp_path: Path, rows: str, line: int, why: str) -> None:
        """One label has one id."""
        path = table(tmp_path, "label,label_id,content\n" + rows.replace("\n", ",x\n"))
        check_refused(platform, path, f"{path}: line {line} cannot be read: {why}")

    def test_not_those_of_the_properties(self, platform: Platform, tmp_path: Path) -> None:
        """What is known and what is wrong is said."""
        props = {"categories": [{"labels": [{"label_id": 2, "label": "cat"}]}]}
        path = table(tmp_path, "content,label_id\na,2\nb,3\n")
        check_refused(platform, path, "line 3 .* it has the label_id 3, but .* are 2 .'cat'.$", props=props)
        path = table(tmp_path, "content,label,label_id\na,cat,3\n")
        check_refused(platform, path, "line 2 .* 'cat' with the label_id 3, but that of props is 2$", props=props)
        path = table(tmp_path, "content,label\na,cow\n")
        check_refused(platform, path, "line 2 .* label 'cow', but the labels in props are 'cat'$", props=props)


class TestWrong:
    """File, line and reason; nothing is made."""

    @pytest.mark.parametrize(
        ("header", "why"),
        [
            ("", r"names the columns \(nothing\); it is to name the columns of a comma-separated table"),
            (
                "label,size",
                "names the columns 'label', 'size'; .* exactly one of them file, content, data_uri, data_uris$",
            ),
            ("file,content", "names the columns 'file', 'content'; .* exactly one"),
            ("file;label", "names the columns 'file;label'; it is to name the columns of a comma-separated table"),
            ("content,label,label", "names the columns .*; two are called 'label'"),
            ("content,", "names the columns .*; one has no name"),
            ("content,data_type", "names a column 'data_type', which means nothing beside 'content'"),
            ("data_uri,content_type", "names a column 'content_type', which means nothing beside 'data_uri'"),
            ("content,attributes", "names a column 'attributes', which means nothing"),
            ("content,classification", "names a column 'classification', which means nothing"),
        ],
    )
    def test_header(self, platform: Platform, tmp_path: Path, header: str, why: str) -> None:
        """What it names, and what it should."""
        path = table(tmp_path, header + "\na,b\n" if header else "")
        check_refused(platform, path, f"{path}: line 1 {why}")

    @pytest.mark.parametrize(
        ("text", "line", "why"),
        [
            ("content,label\na,b\na\n", 3, "cannot be read: it has 1 values, and the columns are 2: content, label"),
            ("content,label\na,b,c\n", 2, "cannot be read: it has 3 values"),
            ('content,label\n"a\nb",x\n\n"c\nd"\n', 5, "cannot be read: it has 1 values"),
            ('content,label\na,x\n"b,y\n', 3, "is not of a comma-separated table in UTF-8: unexpected end of data"),
            (
                "content\n" + "x" * 200_000,
                2,
                "is not of a comma-separated table in UTF-8: field larger than field limit",
            ),
            ("file\nmissing.png\n", 2, "cannot be read: No such file or directory: '.*missing.png'"),
            ("file,label\na.txt,x\n,x\n", 3, "cannot be read: it names no file"),
            (
                f"data_uri\n{FILE}\ns3://bucket/key\n",
                3,
                "cannot be read: a data_uri is datalake://.* 's3://bucket/key'",
            ),
            (f"data_uris\n{FILE} nowhere\n", 2, "cannot be read: a data_uri is datalake://.* 'nowhere'"),
            ('data_uris,label\n" ",x\n', 2, "cannot be read: it names no data_uri"),
            (
                b"content,label\na,b\nc,\xff\n",
                3,
                r"cannot be read: it is not UTF-8 throughout \(surrogates not allowed\)",
            ),
            (b"content,size\na,b\n\n\xff,x\n", 4, "cannot be read: it is not UTF-8 throughout"),
        ],
    )
    def test_row(self, platform: Platform, tmp_path: Path, text: str | bytes, line: int, why: str) -> None:
        """The line in which it begins, as an editor counts them."""
        (tmp_path / "a.txt").write_text("a")
        path = table(tmp_path, text)
        check_refused(platform, path, f"{path}: line {line} {why}")

    def test_a_table_in_another_encoding(self, platform: Platform, tmp_path: Path) -> None:
        """The first line says so, whatever it looks like."""
        check_refused(
            platform, table(tmp_path, "content,label\na,b\n".encode("utf-16")), "comma-separated table in UTF-8"
        )


def check_refused(platform: Platform, path: Path, why: str, **options: Any) -> None:
    """Check that seeding fails with that, and that nothing is left of it."""
    with pytest.raises(SeedError, match=why):
        platform.seed.dataset(path, **options)
    assert (platform.look.datasets(), platform.look.channels()) == ([], [])
    assert platform.world.store.blobs.size == 0
