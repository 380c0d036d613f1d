"""`seed`: every kind of source, onto a server and into a data directory, with the same outcome."""

from __future__ import annotations

import csv
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.platform import Platform
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.security.rules import Cidrs
from tests.cli.commands import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.commands import Commands

    Content = list[tuple[str | None, bytes, str | None, dict[str, str]]]

BOTH_WAYS = pytest.mark.parametrize("way", ["server", "data"])


@pytest.fixture
def seeded(command: Commands, way: str) -> Iterator[Callable[..., tuple[dict[str, Any], Platform]]]:
    """Seeds in one of the two ways, and opens the data directory that it came to."""
    opened: list[Platform] = []

    def seed(*arguments: object) -> tuple[dict[str, Any], Platform]:
        if way == "data":
            made = command.json("seed", *arguments, "--data", "data")
        else:
            with command.serve("--data", "data") as server:
                made = command.json("seed", *arguments, "--url", server.url)
                assert server.stop()[0] == 0
        opened.append(Platform(data=command.folder / "data"))
        return made, opened[-1]

    yield seed
    for platform in opened:
        platform.close()


def content_of(platform: Platform, dataset_id: str) -> Content:
    """Return (label, bytes, type, metadata) of each item that has a file."""
    found: Content = []
    for item in platform.look.items(dataset_id):
        attributes: Any = item.attributes
        classes = attributes.get("classification", [{}])
        channel, file_id = item.source_data[0]["data_uri"].removeprefix("datalake://").split("/")
        file = next(each for each in platform.look.files(channel) if each.file_id == file_id)
        content = platform.look.content(channel, file_id)
        found.append(
            (
                classes[0].get("label"),
                content,
                file.content_type,
                {name.removeprefix("x-abeja-meta-"): value for name, value in file.metadata.items()},
            )
        )
    return found


@BOTH_WAYS
class TestSources:
    """What a SOURCE may be."""

    def test_folder(self, command: Commands, seeded: Any) -> None:
        """Sub-folders are labels, in their order; files keep bytes, type and name; hidden ones are left out."""
        for name, text in (("b/2.txt", "two"), ("a/deep/1.txt", "one"), ("a/.hidden", "no"), (".git/config", "no")):
            path = command.folder / "letters" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        made, platform = seeded("letters")
        (told,) = made["datasets"]
        dataset = platform.look.dataset(told["dataset_id"])
        assert (told["name"], told["labels"], told["total_count"]) == ("letters", ["a", "b"], 2)
        assert (dataset.name, dataset.type) == ("letters", "classification")
        assert [label["label"] for label in dataset.props["categories"][0]["labels"]] == ["a", "b"]
        found = content_of(platform, told["dataset_id"])
        assert [(label, content, kind) for label, content, kind, _ in found] == [
            ("a", b"one", "text/plain"),
            ("b", b"two", "text/plain"),
        ]
        assert [metadata["filename"] for *_, metadata in found] == ["1.txt", "2.txt"]
        assert platform.look.items(told["dataset_id"])[1].attributes["classification"][0]["label_id"] == 1

    def test_table(self, command: Commands, seeded: Any) -> None:
        """A column of text, labels, types, and every other column as an attribute; also with the mark of Excel."""
        rows = [
            ["content", "label", "content_type", "camera"],
            ["good, really", "yes", "", "north"],
            ["bad\nvery", "", "text/x-mood", ""],
        ]
        with (command.folder / "moods.csv").open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)
        made, platform = seeded("moods.csv")
        (told,) = made["datasets"]
        assert content_of(platform, told["dataset_id"]) == [
            ("yes", b"good, really", "text/plain", {}),
            (None, b"bad\nvery", "text/x-mood", {}),
        ]
        assert [item.attributes.get("camera") for item in platform.look.items(told["dataset_id"])] == ["north", None]

    def test_table_of_files(self, command: Commands, seeded: Any) -> None:
        """A column of paths, relative to the table."""
        (command.folder / "data-here").mkdir()
        (command.folder / "data-here" / "x.bin").write_bytes(bytes(range(256)))
        (command.folder / "data-here" / "index.csv").write_text("file,label\nx.bin,one\n", encoding="utf-8")
        made, platform = seeded("data-here/index.csv")
        (found,) = content_of(platform, made["datasets"][0]["dataset_id"])
        assert found[:2] == ("one", bytes(range(256)))

    def test_items(self, command: Commands, seeded: Any) -> None:
        """A JSON file: pairs and mappings, any JSON as content, attributes as they are, source data without a file."""
        uri = {"data_uri": "https://example.org/a.jpg", "data_type": "image/jpeg"}
        items = [
            ["one", "a"],
            {"content": {"x": 1}, "label": 7, "metadata": {"名前": "値"}},
            {"source_data": [uri], "attributes": {"detection": [{"rect": [0, 0, 1, 1]}]}},
        ]
        document = {"name": "mixed", "type": "custom", "items": items}
        (command.folder / "items.json").write_text(json.dumps(document), encoding="utf-8")
        made, platform = seeded("items.json")
        (told,) = made["datasets"]
        one, two, three = platform.look.items(told["dataset_id"])
        assert platform.look.dataset("mixed").type == "custom"
        assert one.attributes["classification"][0]["label"] == "a"
        assert two.attributes["classification"][0]["label"] == "7"
        assert (three.source_data, three.attributes) == ([uri], items[2]["attributes"])  # type: ignore[index]
        channel, file_id = two.source_data[0]["data_uri"].removeprefix("datalake://").split("/")
        assert json.loads(platform.look.content(channel, file_id)) == {"x": 1}
        (file,) = [each for each in platform.look.files(channel) if each.file_id == file_id]
        assert file.content_type == "application/json"

    def test_seed_file(self, command: Commands, seeded: Any) -> None:
        """All of it: users, tokens, channels with files, datasets with their ids, paths relative to the file."""
        folder = command.folder / "seeds"
        (folder / "letters" / "a").mkdir(parents=True)
        (folder / "letters" / "a" / "1.txt").write_text("one", encoding="utf-8")
        document = {
            "users": [{"token": "secret-of-the-test", "role": "regular", "id": 1230000000003}],
            "cidrs": ["192.0.2.0/24", {"cidr": "203.0.113.0/24", "description": "home"}],
            "bearer_tokens": ["bearer-of-the-test"],
            "channels": [
                {"name": "logs", "id": "1230000000001", "description": "of days", "files": ["letters/a/1.txt"]},
                {"name": "more", "files": [{"file": "letters/a/1.txt", "metadata": {"k": "v"}, "lifetime": "1week"}]},
            ],
            "datasets": [
                {"name": "flowers", "source": "letters", "id": 1230000000002},
                {"source": "points"},
                {"items": [["text", "label"]], "name": "two"},
            ],
        }
        (folder / "seed.json").write_text(json.dumps(document), encoding="utf-8")
        made, platform = seeded("seeds/seed.json")
        user = {"user_id": "1230000000003", "email": "user@example.com", "role": "regular"}
        assert (made["users"], len(made["cidrs"])) == ([user], 2)
        organization = platform.organization.id
        _, kept = Accounts(platform.world).users.slice(organization)
        assert (kept.id, kept.role) == ("1230000000003", "regular")
        assert [each.cidr for each in Cidrs(platform.world).select(organization)[0]] == [
            "192.0.2.0/24",
            "203.0.113.0/24",
        ]
        assert [dataset["name"] for dataset in made["datasets"]] == ["flowers", "points", "two"]
        assert platform.look.dataset("flowers").dataset_id == "1230000000002"
        assert made["channels"][0]["channel_id"] == "1230000000001"
        (file,) = platform.look.files("1230000000001")
        assert made["channels"][0]["files"] == [file.file_id]
        (file,) = platform.look.files(made["channels"][1]["channel_id"])
        assert (file.lifetime, platform.look.content(made["channels"][1]["channel_id"], file.file_id)) == (
            "1week",
            b"one",
        )
        assert len(platform.look.items(made["datasets"][1]["dataset_id"])) == 60

    def test_several_and_the_same_name(self, seeded: Any) -> None:
        """Several sources at once; a name that is taken gets a number."""
        made, platform = seeded("points", SAMPLES / "points", "shapes")
        assert [dataset["name"] for dataset in made["datasets"]] == ["points", "points-2", "shapes"]
        assert [dataset.name for dataset in platform.look.datasets()] == ["points", "points-2", "shapes"]

    def test_name_and_type(self, seeded: Any) -> None:
        """Options say them instead of the source."""
        _, platform = seeded("points", "--name", "mine", "--type", "custom")
        (dataset,) = platform.look.datasets()
        assert (dataset.name, dataset.type) == ("mine", "custom")

    def test_more_than_a_batch(self, command: Commands, seeded: Any) -> None:
        """Thousands of items keep their order, and each its own content."""
        lines = ["content,label", *(f"text {number},label {number % 3}" for number in range(1234))]
        (command.folder / "many.csv").write_text("\n".join(lines), encoding="utf-8")
        made, platform = seeded("many.csv")
        (told,) = made["datasets"]
        assert told["total_count"] == 1234
        items = platform.look.items(told["dataset_id"])
        contents = {
            file.file_id: platform.look.content(told["channel_id"], file.file_id)
            for file in platform.look.files(told["channel_id"])
        }
        found = [contents[item.source_data[0]["data_uri"].rpartition("/")[2]].decode() for item in items]
        assert found == [f"text {number}" for number in range(1234)]


@BOTH_WAYS
class TestRefusals:
    """What cannot be seeded, and what is left then: nothing."""

    @pytest.fixture
    def refused(self, command: Commands, way: str) -> Callable[..., str]:
        """Seeds what is refused, and checks that nothing is there afterwards."""

        def seed(*arguments: object) -> str:
            if way == "data":
                said = command.refused("seed", *arguments, "--data", "data", code=1)
            else:
                with command.serve("--data", "data") as server:
                    said = command.refused("seed", *arguments, "--url", server.url, code=1)
                    assert server.stop()[0] == 0
            with Platform(data=command.folder / "data") as platform:
                assert platform.look.datasets() == []
            return said

        return seed

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("a.csv", "path,label\nx,y\n", "a.csv: line 1 names the columns 'path', 'label'"),
            ("a.csv", "file,content\nx,y\n", "exactly one of them file, content, data_uri, data_uris"),
            ("a.csv", "content,label\nx\n", "a.csv: line 2 cannot be read: it has 1 values"),
            ("a.csv", 'content\n"x', "a.csv: line 2 is not of a comma-separated table"),
            ("a.csv", "file\nnowhere.txt\n", "a.csv: line 2 cannot be read: No such file or directory"),
            ("a.json", "{", "a.json is not JSON"),
            ("a.json", '{"items": [], "lables": []}', "unknown keys 'lables'"),
            ("a.json", '{"items": [["a"]]}', "item 0 cannot be read: an item is a pair"),
            ("a.json", '{"items": [["good", "a"], {"file": "nowhere.txt"}]}', "item 1 cannot be read"),
            ("a.json", '{"datasets": [{"name": "x"}]}', "datasets[0]: a dataset has either a source or items"),
            ("a.json", '{"datasets": [{"source": "nowhere"}]}', "there is no folder and no file 'nowhere'"),
            ("a.json", '{"datasets": [{"name": 7, "items": []}]}', "a.json"),
        ],
    )
    def test_broken_sources(
        self, command: Commands, refused: Callable[..., str], name: str, text: str, words: str
    ) -> None:
        """One sentence says which file, which item and what is wrong with it."""
        (command.folder / name).write_text(text, encoding="utf-8")
        assert words in refused(name)

    def test_an_item_far_behind(self, command: Commands, refused: Callable[..., str]) -> None:
        """An item that cannot be read when hundreds are there already takes them away again."""
        lines = ["content,label", *(f"text {number},a" for number in range(700))]
        items = [{"content": line} for line in lines] + [{"file": "nowhere.txt"}]
        (command.folder / "many.json").write_text(json.dumps(items), encoding="utf-8")
        assert "item 701 cannot be read" in refused("many.json")

    def test_an_empty_folder(self, command: Commands, refused: Callable[..., str]) -> None:
        """A folder without files is no dataset."""
        (command.folder / "nothing").mkdir()
        assert "holds no files" in refused("nothing")

    def test_a_label_that_props_do_not_know(self, command: Commands, refused: Callable[..., str]) -> None:
        """Labels of items are those of the properties."""
        props = {"categories": [{"category_id": 1, "labels": [{"label_id": 1, "label": "a"}]}]}
        (command.folder / "a.json").write_text(json.dumps({"items": [["x", "b"]], "props": props}), encoding="utf-8")
        assert "it has the label 'b', but the labels in props are 'a'" in refused("a.json")


def test_name_of_two(command: Commands) -> None:
    """One name cannot name two datasets."""
    said = command.refused("seed", "points", "shapes", "--name", "x", "--data", "data", code=2)
    assert "--name names one dataset, and there are 2" in said


def test_what_a_person_sees(command: Commands) -> None:
    """A line for each dataset: name, id, items, labels."""
    shown = command("seed", "points", "--data", "data").stdout
    assert shown.startswith("dataset points  1")
    assert shown.endswith(": 60 items, 3 labels: left, right, top\n")


def test_who_is_shown(command: Commands) -> None:
    """A line for each user, with the id that the client needs, and the number of tokens and networks; no token."""
    users = [
        {"token": "secret-of-the-test", "email": "me@example.com", "role": "developer"},
        {"token": "another-secret"},
    ]
    document = {"users": users, "bearer_tokens": ["bearer-of-the-test"], "cidrs": ["127.0.0.0/8"]}
    (command.folder / "seed.json").write_text(json.dumps(document), encoding="utf-8")
    first, second, *rest = command("seed", "seed.json", "--data", "data").stdout.splitlines()
    assert re.fullmatch(r"user me@example\.com  1\d{12}: developer", first)
    assert re.fullmatch(r"user user@example\.com  1\d{12}: admin", second)
    assert rest == ["1 bearer token", "1 CIDR"]


@BOTH_WAYS
def test_data_sources(command: Commands, way: str) -> None:
    """A line for each, with its id and how many channels it has; no secret."""
    source = {"name": "sensors", "id": "1230000000004", "secret": "secret-of-the-test", "channels": ["logs"]}
    document = {"channels": [{"name": "logs"}], "datasources": [source]}
    (command.folder / "seed.json").write_text(json.dumps(document), encoding="utf-8")
    if way == "data":
        lines = command("seed", "seed.json", "--data", "data").stdout.splitlines()
    else:
        with command.serve() as server:
            lines = command("seed", "seed.json", "--url", server.url).stdout.splitlines()
    assert lines[1:] == ["data source sensors  1230000000004: 1 channel"]


@BOTH_WAYS
@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"datasources": [{}, {"secret": "secret-of-the-test", "channels": ["x"]}]}, ["datasources[1]: ", "'x'"]),
        ({"users": [{"token": "secret-of-the-test", "id": "12"}]}, ["users[0]: ", "13 digits"]),
        ({"cidrs": ["192.0.2.0/24", "office"]}, ["cidrs[1]: ", "'office'"]),
    ],
)
def test_who_cannot_be(command: Commands, way: str, document: dict[str, Any], words: list[str]) -> None:
    """The sentence names the part, and no token."""
    (command.folder / "seed.json").write_text(json.dumps(document), encoding="utf-8")
    if way == "data":
        said = command.refused("seed", "seed.json", "--data", "data", code=1)
    else:
        with command.serve() as server:
            said = command.refused("seed", "seed.json", "--url", server.url, code=1)
    assert all(word in said for word in words)
    assert "secret-of-the-test" not in said


def test_networks_come_last(command: Commands) -> None:
    """A server that enforces them lets the rest of the file in before."""
    document = {"cidrs": ["192.0.2.0/24"], "channels": [{"name": "logs"}], "datasets": [{"source": "points"}]}
    (command.folder / "seed.json").write_text(json.dumps(document), encoding="utf-8")
    with command.serve("--enforce-cidrs") as server:
        assert "60 items" in command("seed", "seed.json", "--url", server.url).stdout
        assert "this call comes from 127.0.0.1" in command.refused("seed", "points", "--url", server.url, code=1)


def test_strict_server(command: Commands) -> None:
    """Where credentials are checked, those of the environment are used; without any it says what to set."""
    with command.serve("--auth", "strict") as server:
        assert "set the variables that serve printed" in command.refused("seed", "points", "--url", server.url, code=1)
        command.environment.update(server.variables)
        assert "60 items" in command("seed", "points").stdout
        command.environment["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"] = "of-the-real-platform"
        command.refused("seed", "points", code=1)


def test_credentials_of_the_shell_stay_in_it(command: Commands) -> None:
    """What says that it takes any credential gets none of the shell's, which may be real ones."""
    secrets = {
        "PLATFORM_AUTH_TOKEN": "of-the-real-platform",
        "ABEJA_PLATFORM_USER_ID": "user-1999999999999",
        "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN": "of-the-real-platform",
    }
    command.environment.update(secrets)
    with listener() as (url, seen):
        command("seed", "points", "--url", url, code=3)
    assert seen == ["", "Bearer abeja-emulator"]


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """Something that says it is an open server, and what it got as Authorization of each call."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            is_health = self.path == "/_emulator/health"
            body = json.dumps({"organization_id": "1100000000001", "auth": "open"}).encode() if is_health else b"?"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://{}:{}".format(*server.server_address), seen
        server.shutdown()


def test_proxies_are_not_asked(command: Commands) -> None:
    """A proxy in the environment does not come between this command and a server on this machine."""
    command.environment.update(http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")
    with command.serve() as server:
        assert "60 items" in command("seed", "points", "--url", server.url).stdout


def test_another_organization(command: Commands) -> None:
    """A seed file of another organization than the server's is refused."""
    (command.folder / "seed.json").write_text(json.dumps({"organization": {"name": "other"}}), encoding="utf-8")
    with command.serve() as server:
        assert "organization" in command.refused("seed", "seed.json", "--url", server.url, code=1)


def test_samples_of_a_wheel_are_found(command: Commands, tmp_path: Path) -> None:
    """Sample data is known by its name wherever the command is started."""
    command.folder = tmp_path
    assert "90 items" in command("seed", "shapes", "--data", "data").stdout
