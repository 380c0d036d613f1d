"""POST /_emulator/seed: what a seed file may say, over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from abeja_emulator.seed_document import SeedDocument
from abeja_emulator.seed_file import SeedFile
from abeja_emulator.services.security.rules import Cidrs
from tests.services.training.samples import state

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from tests.control.steering import Steering

DATASET = {"name": "two", "items": [{"content": "one", "label": "a"}, {"content": {"x": 1}, "label": "b"}]}


class TestWhatIsMade:
    """All of a document is put on the platform, and the answer has the ids."""

    def test_datasets(self, platform: Platform, steer: Steering) -> None:
        """From items, from a folder, and from the samples."""
        made = steer("POST", "/seed", json={"datasets": [DATASET, {"source": "flowers"}, {"source": "shapes"}]})
        two, flowers, shapes = made["datasets"]
        assert (two["name"], two["labels"], two["total_count"]) == ("two", ["a", "b"], 2)
        assert (flowers["labels"], flowers["total_count"]) == (["rose"], 1)
        assert shapes["total_count"] > 1
        for dataset in made["datasets"]:
            kept = platform.look.dataset(dataset["dataset_id"])
            items = platform.look.items(kept.dataset_id)
            assert (kept.name, len(items)) == (dataset["name"], dataset["total_count"])
            assert dataset["channel_id"] in items[0].source_data[0]["data_uri"]

    def test_channels(self, platform: Platform, steer: Steering) -> None:
        """With their files, in their order."""
        files = ["a.txt", {"file": "flowers/rose/1.txt", "metadata": {"label": "1"}, "content_type": "text/x"}]
        made = steer("POST", "/seed", json={"channels": [{"name": "logs", "id": "1230000000001", "files": files}]})
        (channel,) = made["channels"]
        assert (channel["channel_id"], channel["name"]) == ("1230000000001", "logs")
        kept = platform.look.files("1230000000001")
        assert [file.file_id for file in kept] == channel["files"]
        assert [file.content_type for file in kept] == ["text/plain", "text/x"]
        assert platform.look.content("1230000000001", channel["files"][0]) == b"a rose"

    def test_users(self, platform: Platform, steer: Steering) -> None:
        """Their tokens work where credentials are checked, and are in no answer."""
        document = {"users": [{"token": "token-of-a-user", "email": "a@example.com"}], "bearer_tokens": ["a-bearer"]}
        response = steer.raw("POST", "/_emulator/seed", json=document)
        assert "token-of-a-user" not in response.text
        assert "a-bearer" not in response.text
        made = response.json()
        assert (made["users"][0]["email"], made["bearer_tokens"]) == ("a@example.com", 1)
        platform.auth = "strict"
        path = f"/organizations/{platform.organization.id}"
        name = f"user-{made['users'][0]['user_id']}"
        assert steer.raw("GET", path, auth=(name, "token-of-a-user")).status_code == 200
        assert steer.raw("GET", path, headers={"Authorization": "Bearer a-bearer"}).status_code == 200
        assert steer.raw("GET", path, auth=(name, "another")).status_code == 401

    def test_roles_and_ids(self, platform: Platform, steer: Steering) -> None:
        """A user has the id and the role that the document says, an admin without one; the role is checked."""
        users = [
            {"token": "token-of-an-admin"},
            {"token": "token-of-a-regular", "id": "1230000000003", "role": "regular"},
        ]
        admin, regular = steer("POST", "/seed", json={"users": users})["users"]
        assert (admin["role"], regular["role"], regular["user_id"]) == ("admin", "regular", "1230000000003")
        platform.auth = "strict"
        path = f"/organizations/{platform.organization.id}/security/cidrs"
        for user, token, status in ((admin, "token-of-an-admin", 200), (regular, "token-of-a-regular", 403)):
            answer = steer.raw("POST", path, auth=(f"user-{user['user_id']}", token), json={"cidr": "192.0.2.0/24"})
            assert answer.status_code == status

    def test_cidrs(self, platform: Platform, steer: Steering) -> None:
        """Networks, alone or with a description; the answer has their ids."""
        made = steer("POST", "/seed", json={"cidrs": ["192.0.2.0/24", {"cidr": "::1/128", "description": "here"}]})
        entries, _ = Cidrs(platform.world).select(platform.organization.id)
        assert [(entry.cidr, entry.description) for entry in entries] == [("192.0.2.0/24", None), ("::1/128", "here")]
        assert made["cidrs"] == [entry.id for entry in entries]

    def test_nothing(self, steer: Steering) -> None:
        """An empty document, or none, makes nothing."""
        nothing = {"users": [], "bearer_tokens": 0, "cidrs": [], "channels": [], "datasources": [], "datasets": []}
        assert steer("POST", "/seed", json={}) == steer("POST", "/seed") == nothing

    def test_same_as_from_a_file(self, platform: Platform, steer: Steering, seed_folder: Path) -> None:
        """What the command sends on for a file is put there as `SeedFile.put` would."""
        path = seed_folder / "seed.json"
        document = {"channels": [{"name": "logs", "files": ["a.txt"]}], "datasets": [DATASET, {"source": "flowers"}]}
        path.write_bytes(msgspec.json.encode(document))
        steer("POST", "/seed", data=msgspec.json.encode(SeedFile(path).document))

        def seen() -> list[Any]:
            return [
                (dataset.name, dataset.props, [item.attributes for item in platform.look.items(dataset.dataset_id)])
                for dataset in platform.look.datasets()
            ] + [(channel.name, len(platform.look.files(channel.channel_id))) for channel in platform.look.channels()]

        over_the_wire = seen()
        steer("POST", "/reset")
        SeedFile(path).put(platform)
        assert seen() == over_the_wire
        assert len(over_the_wire) == 5

    def test_of_all_a_document_may_say(self, steer: Steering) -> None:
        """Each part that it may have is asked for here; a new one has to be put on the platform, too."""
        assert set(SeedDocument.__struct_fields__) == {"organization", *steer("POST", "/seed")}


class TestRefused:
    """Nothing is made of a document that has one wrong part."""

    @pytest.mark.parametrize(
        ("status", "document", "words"),
        [
            (400, {"datasets": [DATASET, {"name": "neither"}]}, ["datasets[1]: ", "either a source or items"]),
            (400, {"datasets": [{**DATASET, "source": "flowers"}]}, ["datasets[0]: "]),
            (400, {"datasets": [{"source": "flours"}]}, ["datasets[0]: ", "'flours'", "did you mean 'flowers'"]),
            (400, {"datasets": [{"source": ".."}]}, ["datasets[0]: "]),
            (400, {"datasets": [{"items": [{"label": "a"}]}]}, ["datasets[0]: item 0", "exactly one of"]),
            (400, {"datasets": [{"items": [5]}]}, ["datasets[0]: item 0"]),
            (400, {"datasets": [{"items": [], "id": "12"}]}, ["datasets[0]: ", "13 digits"]),
            (400, {"channels": [{"name": "a", "files": ["nothing.txt"]}]}, ["channels[0]: ", "'nothing.txt'"]),
            (400, {"channels": [{"name": "a", "files": ["flowers"]}]}, ["channels[0]: ", "'flowers'"]),
            (400, {"channels": [{"name": "a", "files": ["nul\0l"]}]}, ["channels[0]: "]),
            (400, {"users": [{"token": "x", "mail": "y"}]}, ["unknown field `mail`", "$.users[0]"]),
            (400, {"channels": [{"files": []}]}, ["missing required field `name`"]),
            (400, {"users": {}}, ["`array`"]),
            (400, {"users": [{"token": "the-same-one", "role": "root"}]}, ["root", "$.users[0].role"]),
            (400, {"users": [{"token": "the-same-one", "id": "12"}]}, ["users[0]: ", "13 digits"]),
            (409, {"users": [{"token": "the-same-one", "id": "1230000000001"}] * 2}, ["users[1]: ", "1230000000001"]),
            (400, {"cidrs": ["192.0.2.0/24", "192.0.2.7/24"]}, ["cidrs[1]: ", "192.0.2.7/24"]),
            (409, {"cidrs": ["192.0.2.0/24"] * 2}, ["cidrs[1]: ", "on the list already"]),
            (400, {"datasets": [DATASET, DATASET]}, ["datasets[1]: ", "'two'"]),
            (400, {"datasets": [{"items": [], "id": "1230000000001"}] * 2}, ["datasets[1]: ", "1230000000001"]),
            (409, {"bearer_tokens": ["the-same-one", "the-same-one"]}, ["bearer_tokens[1]: "]),
            (409, {"organization": {"name": "another"}}, ["organization: ", "default-org"]),
            (409, {"organization": {"id": "1230000000001"}}, ["organization: "]),
        ],
    )
    def test_parts(
        self, platform: Platform, steer: Steering, status: int, document: dict[str, Any], words: list[str]
    ) -> None:
        """The refusal says which, and nothing of the rest is there."""
        before = state(platform)
        said = steer.refused(status, "POST", "/seed", *words, json={"channels": [], "users": [], **document})
        assert "the-same-one" not in said
        assert state(platform) == before

    def test_organization_that_there_is(self, platform: Platform, steer: Steering) -> None:
        """Is no other, by its name or by both."""
        organization = platform.organization
        steer("POST", "/seed", json={"organization": {"name": organization.name}})
        steer("POST", "/seed", json={"organization": {"name": organization.name, "id": organization.id}})


class TestFilesOfTheServer:
    """Whoever reaches the server reads what it seeds: no path leads out of the folder for that."""

    @pytest.mark.parametrize(
        "outside", ["../outside.txt", "{folder}/../outside.txt", "link.txt", "flowers/../../outside.txt"]
    )
    def test_outside(self, platform: Platform, steer: Steering, seed_folder: Path, outside: str) -> None:
        """Neither upwards, nor by an absolute path, nor through a link, whatever part names it."""
        name = outside.format(folder=seed_folder)
        assert (seed_folder / name).read_text(encoding="utf-8") == "not for clients"
        before = state(platform)
        for document in (
            {"channels": [{"name": "a", "files": [name]}]},
            {"channels": [{"name": "a", "files": [{"file": name}]}]},
            {"datasets": [{"source": name}]},
            {"datasets": [{"items": [{"file": name}]}]},
        ):
            steer.refused(400, "POST", "/seed", "leads out of the folder", json=document)
        steer.refused(400, "POST", "/seed", json={"datasets": [{"items": [{"file": [name]}]}]})
        assert state(platform) == before

    def test_inside(self, platform: Platform, steer: Steering, seed_folder: Path) -> None:
        """By whatever path, as long as it does not leave."""
        files = ["a.txt", "flowers/../a.txt", str(seed_folder / "a.txt")]
        made = steer("POST", "/seed", json={"channels": [{"name": "a", "files": files}]})
        assert len(platform.look.files(made["channels"][0]["channel_id"])) == 3
        items = [{"file": "a.txt", "label": "rose"}]
        assert steer("POST", "/seed", json={"datasets": [{"items": items}]})["datasets"][0]["total_count"] == 1

    def test_without_a_folder(self, platform: Platform, bare: Steering, seed_folder: Path) -> None:
        """Then there are no files but the samples, and what is in the document itself."""
        file = str(seed_folder / "a.txt")
        bare.refused(400, "POST", "/seed", "`content`", json={"channels": [{"name": "a", "files": [file]}]})
        bare.refused(400, "POST", "/seed", "leads out", json={"datasets": [{"source": str(seed_folder / "flowers")}]})
        bare.refused(400, "POST", "/seed", "sample data", json={"datasets": [{"source": "flowers"}]})
        assert bare("POST", "/seed", json={"datasets": [{"source": "shapes"}, DATASET]})["datasets"][1]["name"] == "two"
        assert len(platform.look.datasets()) == 2
