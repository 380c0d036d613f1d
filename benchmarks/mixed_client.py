"""A client of `benchmarks.mixed`: what it does, what it was told, and what was not as it was told."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import http.client
    import random
    from collections.abc import Callable

    #: Opens a connection to the platform.
    Dial = Callable[[], http.client.HTTPConnection]

#: Of a client; beyond it deletes what it has.
MOST_ITEMS = 300
MOST_FILES = 60
PAGE = 100
SOURCE = [{"data_uri": "datalake://1/2", "data_type": "text/plain"}]
REFUSED = (403, 404)


@dataclass(frozen=True)
class Member:
    """Somebody of an organization.

    Attributes:
        organization: its id.
        credential: the Authorization header.
    """

    organization: str
    credential: str


class Wrong(Exception):
    """An answer is not what the client was told before."""


@dataclass
class Client:
    """One client, and what it was told.

    Attributes:
        number: which one it is.
        member: who it is.
        chance: what it does next.
        calls: how many it made.
        dataset: its dataset.
        channel: its channel.
        items: attributes of its items, by id, in order of creation.
        files: content and a word of metadata of its files, by id.
        ids: all ids it was ever given.
        won: names for which it was first.
        tried: names for which it tried.
        trouble: what was not as it should be.
    """

    number: int
    member: Member
    chance: random.Random
    calls: int = 0
    dataset: str = ""
    channel: str = ""
    items: dict[int, Any] = field(default_factory=dict)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    ids: list[Any] = field(default_factory=list)
    won: list[str] = field(default_factory=list)
    tried: int = 0
    trouble: list[str] = field(default_factory=list)
    _others: list[Client] = field(default_factory=list)
    _connection: http.client.HTTPConnection | None = None

    # -- calls ----------------------------------------------------------------------------------

    def ask(self, method: str, target: str, body: Any = None, *, metadata: str | None = None) -> tuple[int, bytes]:
        """Make a call on the client's own connection; return status and content."""
        assert self._connection is not None
        headers = {"Authorization": self.member.credential}
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/octet-stream"
            headers["x-abeja-meta-word"] = metadata or ""
        elif body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        self._connection.request(method, target, body, headers)
        response = self._connection.getresponse()
        self.calls += 1
        return response.status, response.read()

    def call(self, method: str, target: str, body: Any = None, *, metadata: str | None = None) -> Any:
        """Make a call that has to succeed, and return what its answer says."""
        status, content = self.ask(method, target, body, metadata=metadata)
        if status >= 300:  # noqa: PLR2004 - no success
            message = f"{method} {target} was answered with {status} {content[:200]!r}"
            raise Wrong(message)
        return json.loads(content)

    def set_out(self, dial: Dial) -> None:
        """Connect, and make a dataset and a channel."""
        self.connect(dial)
        description = {"name": f"d{self.number}", "type": "custom", "props": {"owner": self.number}}
        self.dataset = self.call("POST", self._datasets, description)["dataset_id"]
        channels = f"/organizations/{self.member.organization}/channels"
        self.channel = self.call("POST", channels, {"name": f"c{self.number}"})["channel"]["channel_id"]
        self.ids += [("dataset", self.dataset), ("channel", self.channel)]

    def connect(self, dial: Dial) -> None:
        """Take another connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = dial()

    def work(self, others: list[Client], calls: int) -> None:
        """Make that many calls of all kinds; what is wrong is noted."""
        self._others = others
        actions = [
            *[self._create_item] * 4,
            *[self._update_item] * 3,
            *[self._get_item] * 3,
            *[self._upload] * 2,
            *[self._download] * 2,
            *[self._change_metadata, self._list_items, self._list_files, self._count, self._race],
            *[self._look_at_datasets, self._look_elsewhere],
        ]
        before = self.calls
        try:
            while self.calls - before < calls:
                self._attempt(self.chance.choice(actions))
        except Exception as error:  # noqa: BLE001 - a thread must not end without a word
            self.trouble.append(f"client {self.number} ended with {error!r}")

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do something, and note when an answer is wrong."""
        try:
            action()
        except Wrong as error:
            self.trouble.append(f"client {self.number}: {error}")

    # -- what it does ---------------------------------------------------------------------------

    @property
    def _datasets(self) -> str:
        return f"/organizations/{self.member.organization}/datasets"

    @property
    def _items(self) -> str:
        return f"{self._datasets}/{self.dataset}/items"

    def _value(self) -> Any:
        return {"owner": self.number, "value": self.chance.getrandbits(50)}

    def _same(self, found: Any, told: Any, what: str) -> None:
        if found != told:
            message = f"{what} is {found!r:.200}, and not {told!r:.200}"
            raise Wrong(message)

    def _create_item(self) -> None:
        if len(self.items) > MOST_ITEMS:
            self._delete_item()
            return
        attributes = self._value()
        item = self.call("POST", self._items, {"source_data": SOURCE, "attributes": attributes})
        self.items[item["dataset_item_id"]] = attributes
        self.ids.append(("item", self.dataset, item["dataset_item_id"]))
        self._same(item["attributes"], attributes, "a new item")

    def _update_item(self) -> None:
        if self.items:
            number, attributes = self.chance.choice(list(self.items)), self._value()
            item = self.call("PUT", f"{self._items}/{number}", {"attributes": attributes})
            self.items[number] = attributes
            self._same((item["dataset_item_id"], item["attributes"]), (number, attributes), "a changed item")

    def _get_item(self) -> None:
        if self.items:
            number = self.chance.choice(list(self.items))
            item = self.call("GET", f"{self._items}/{number}")
            self._same((item["dataset_item_id"], item["attributes"]), (number, self.items[number]), "an item")

    def _delete_item(self) -> None:
        number = self.chance.choice(list(self.items))
        attributes = self.items.pop(number)
        self._same(self.call("DELETE", f"{self._items}/{number}")["attributes"], attributes, "a deleted item")
        self._same(self.ask("GET", f"{self._items}/{number}")[0], 404, f"item {number}, which is deleted,")

    def _list_items(self) -> None:
        page = self.call("GET", f"{self._items}?limit={PAGE}")
        found = {item["dataset_item_id"]: item["attributes"] for item in page["items"]}
        self._same(list(found.items()), list(self.items.items())[:PAGE], "the first page")

    def _count(self) -> None:
        dataset = self.call("GET", f"{self._datasets}/{self.dataset}")
        self._same((dataset["name"], dataset["total_count"]), (f"d{self.number}", len(self.items)), "the dataset")

    def _upload(self) -> None:
        if len(self.files) > MOST_FILES:
            self._delete_file()
            return
        # The same content as another client's, now and then, and now and then more than goes into one packet.
        word, size = str(self.chance.getrandbits(40)), self.chance.choice([1, 100, 5_000, 200_000])
        content = bytes([self.chance.randrange(3)]) * size if size < 1000 else self.chance.randbytes(size)  # noqa: PLR2004
        file = self.call("POST", f"/channels/{self.channel}/upload", content, metadata=word)["file_id"]
        self.files[file] = (content, word)
        self.ids.append(("file", file))

    def _download(self) -> None:
        if self.files:
            self._check_file(self.chance.choice(list(self.files)))

    def _check_file(self, file: str) -> None:
        content, word = self.files[file]
        about = self.call("GET", f"/channels/{self.channel}/{file}")
        self._same(about["metadata"].get("x-abeja-meta-word"), word, f"metadata of file {file}")
        target = "/" + about["download_uri"].split("/", 3)[3]
        self._same(self.ask("GET", target), (200, content), f"content of file {file}")

    def _change_metadata(self) -> None:
        if self.files:
            file, word = self.chance.choice(list(self.files)), str(self.chance.getrandbits(40))
            self.call("PUT", f"/channels/{self.channel}/{file}/metadata", {"x-abeja-meta-word": word})
            self.files[file] = (self.files[file][0], word)

    def _delete_file(self) -> None:
        file = self.chance.choice(list(self.files))
        self.call("DELETE", f"/channels/{self.channel}/{file}")
        del self.files[file]
        self._same(self.ask("GET", f"/channels/{self.channel}/{file}")[0], 404, f"file {file}, which is deleted,")

    def _list_files(self) -> None:
        page = self.call("GET", f"/channels/{self.channel}?items_per_page=1000")
        found = Counter((file["file_id"], file["metadata"].get("x-abeja-meta-word")) for file in page["files"])
        self._same(found, Counter((file, word) for file, (_, word) in self.files.items()), "the list of files")

    def _race(self) -> None:
        """Try to be the first of the organization to have a name."""
        name = f"name-{self.tried}"
        self.tried += 1
        definitions = f"/organizations/{self.member.organization}/training/definitions"
        status, content = self.ask("POST", definitions, {"name": name})
        if status < 300:  # noqa: PLR2004 - a success
            self._same(json.loads(content)["name"], name, "a definition")
            self.won.append(name)
        else:
            self._same(status, 409, f"the second definition called {name}")

    def _look_at_datasets(self) -> None:
        names = Counter(dataset["name"] for dataset in self.call("GET", self._datasets))
        ours = Counter(f"d{other.number}" for other in self._others if other.member == self.member)
        self._same(names, ours, "the list of datasets")

    def _look_elsewhere(self) -> None:
        """Try to see what another organization has, by its own address and by ours."""
        other = self.chance.choice([other for other in self._others if other.member != self.member])
        targets = (
            f"{other._datasets}/{other.dataset}",
            f"{self._datasets}/{other.dataset}",
            f"/channels/{other.channel}",
        )
        target = self.chance.choice(targets)
        status, _ = self.ask("GET", target)
        if status not in REFUSED:
            message = f"{target} of another organization was answered with {status}"
            raise Wrong(message)

    # -- in the end -----------------------------------------------------------------------------

    def compare(self) -> list[str]:
        """Return what is not as the client was told, of all it has."""
        self.trouble.clear()
        for check in (self._count, self._list_all_items, self._list_files):
            self._attempt(check)
        for file in self.files:
            self._attempt(partial(self._check_file, file))
        return [f"in the end, {each}" for each in self.trouble]

    def definitions(self) -> Counter[str]:
        """Return how often each name for which the clients raced is there."""
        target = f"/organizations/{self.member.organization}/training/definitions"
        found: list[str] = []
        while True:
            page = self.call("GET", f"{target}?offset={len(found)}&limit=100")
            found += [definition["name"] for definition in page["entries"]]
            if not page["entries"]:
                return Counter(found)

    def _list_all_items(self) -> None:
        items: list[Any] = []
        query = f"limit={PAGE}"
        while True:
            page = self.call("GET", f"{self._items}?{query}")
            items += page["items"]
            if not page["items"]:
                break
            query = f"limit={PAGE}&next_page_token={page['next_page_token']}"
        pairs = [(item["dataset_item_id"], item["attributes"]) for item in items]
        self._same(pairs, list(self.items.items()), "the list of all items")
