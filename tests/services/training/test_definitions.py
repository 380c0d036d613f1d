"""Job definitions: names and ids in paths, lists, archiving, counters, and what deleting leaves behind."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.organizations.rules import Accounts
from tests.services.training.samples import HANDLER, IMAGE, state, tarred, zipped
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.training.api.client import APIClient
    from abeja.training.client import Client
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform

DEFINITIONS = "/organizations/{org}/training/definitions"

#: Names the SDK can put into a path as they are, and what plain HTTP has to encode itself.
NAMES = ["plain", "with space", "100%", "日本語の定義", "a+b", "dots.and-dashes_", "1234567890123", "ü:@&=,;!"]
ENCODED_NAMES = [*NAMES, "what?", "number#1", "50%25", "a%2Fb", "back\\slash", 'quo"te', " "]


class TestCreate:
    """POST /organizations/{organization_id}/training/definitions."""

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_answer(self, wire: Wire, organization: str, slash: str) -> None:
        """The SDK sends a trailing slash and the CLI none; both get the whole definition, without a redirect."""
        response = wire("POST", DEFINITIONS + slash, json={"name": "new"}, allow_redirects=False)
        assert response.status_code == 200
        answer = response.json()
        check_answer("create_training_job_definition", answer)
        assert PLATFORM_ID.fullmatch(answer.pop("job_definition_id"))
        assert answer["created_at"] == answer["modified_at"]
        for name in ("created_at", "modified_at"):
            assert ZULU_MICROSECONDS.fullmatch(answer.pop(name))
        assert answer == {
            "organization_id": organization,
            "name": "new",
            "archived": False,
            "versions": [],
            "jobs": None,
            "version_count": 0,
            "model_count": 0,
            "notebook_count": 0,
            "tensorboard_count": 0,
        }

    def test_sdk_object(self, training: Client, organization: str) -> None:
        """The high-level SDK reads the answer."""
        definition = training.job_definitions().create("new")
        assert (definition.name, definition.organization_id, definition.versions) == ("new", organization, [])
        assert not definition.archived

    @pytest.mark.usefixtures("definition")
    def test_taken_name(self, api: APIClient, organization: str) -> None:
        """A name is taken once, also while what has it is archived."""
        with pytest.raises(abeja.exceptions.Conflict, match="'definition' exists already"):
            api.create_training_job_definition(organization, "definition")
        api.archive_training_job_definition(organization, "definition")
        with pytest.raises(abeja.exceptions.Conflict):
            api.create_training_job_definition(organization, "definition")

    @pytest.mark.parametrize(
        "body", [{}, {"name": None}, {"name": 1}, {"name": ""}, {"name": "a/b"}, {"name": ".."}, []]
    )
    def test_refused(self, wire: Wire, platform: Platform, body: Any) -> None:
        """A name that is none, or that no path could hold, is 400 and makes nothing."""
        before = state(platform)
        check_refusal(wire("POST", DEFINITIONS, json=body), 400, "name" if body != [] else "object")
        assert state(platform) == before


class TestPath:
    """`{job_definition_name}` is a name or an id."""

    @pytest.mark.parametrize("name", NAMES)
    def test_sdk(self, training: Client, name: str) -> None:
        """The SDK puts names into the path unquoted; requests quotes them; all of it comes back."""
        made = training.job_definitions().create(name)
        found = training.job_definitions().get(name)
        assert (found.name, found.job_definition_id) == (name, made.job_definition_id)
        assert training.job_definitions().get(made.job_definition_id).name == name

    @pytest.mark.parametrize("name", [name for name in ENCODED_NAMES if "/" not in name])
    def test_percent_encoded(self, wire: Wire, name: str) -> None:
        """Every character can be percent-encoded, and none is decoded twice."""
        assert wire("POST", DEFINITIONS, json={"name": name}).status_code == 200
        segment = "".join(f"%{byte:02X}" for byte in name.encode())
        for spelling in (segment, quote(name, safe="")):
            assert wire("GET", f"{DEFINITIONS}/{spelling}").json()["name"] == name

    @settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
    def test_any_name(self, wire: Wire, name: str) -> None:
        """A name that is taken can be found, archived and deleted under itself; one that could not is refused."""
        created = wire("POST", DEFINITIONS, json={"name": name})
        if created.status_code == 400:
            assert "/" in name or name in {".", ".."}
            return
        path = f"{DEFINITIONS}/{quote(name, safe='')}"
        assert wire("GET", path).json()["job_definition_id"] == created.json()["job_definition_id"]
        assert wire("POST", path + "/archive").json() == {"message": f"{name} archived"}
        assert wire("DELETE", path).json() == {"message": f"{name} deleted"}
        assert wire("GET", path).status_code == 404

    def test_messages_name_it(self, api: APIClient, organization: str, definition: JobDefinition) -> None:
        """Messages have the name, also where the path has the id."""
        identifier = definition.job_definition_id
        assert api.archive_training_job_definition(organization, identifier) == {"message": "definition archived"}
        assert api.unarchive_training_job_definition(organization, identifier) == {"message": "definition unarchived"}
        assert api.delete_training_job_definition(organization, identifier) == {"message": "definition deleted"}

    @pytest.mark.parametrize(
        ("method", "rest"),
        [
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/archive"),
            ("POST", "/unarchive"),
            ("GET", "/versions"),
            ("GET", "/versions/1/source"),
            ("POST", "/versions/1/jobs"),
            ("GET", "/jobs"),
            ("GET", "/jobs/1"),
            ("POST", "/jobs/1/stop"),
            ("GET", "/jobs/1/result"),
        ],
    )
    @pytest.mark.usefixtures("definition")
    def test_unknown(self, wire: Wire, method: str, rest: str) -> None:
        """A definition that does not exist is 404, and the refusal names those that do."""
        check_refusal(wire(method, f"{DEFINITIONS}/nowhere{rest}"), 404, "'nowhere'", "newest definitions: definition")

    def test_of_another_organization(self, platform: Platform, wire: Wire, definition: JobDefinition) -> None:
        """A definition is found in its organization only, under name and id alike."""
        with platform.world.store.transaction():
            other = Accounts(platform.world).add_organization("other").id
        for segment in (definition.name, definition.job_definition_id):
            check_refusal(wire("GET", f"/organizations/{other}/training/definitions/{segment}"), 404)
        assert wire("GET", f"/organizations/{other}/training/definitions").json()["total"] == 0


class TestGet:
    """GET …/definitions/{job_definition_name}."""

    @pytest.mark.usefixtures("version")
    def test_with_and_without_jobs(self, api: APIClient, organization: str) -> None:
        """Jobs are there by default, newest first and as the list shows them, and null when asked for without."""
        made = [api.create_training_job(organization, "definition", 1)["id"] for _ in range(12)]
        api.archive_training_job(organization, "definition", made[3])
        shown = api.get_training_job_definition(organization, "definition")
        check_answer("get_training_job_definition", shown)
        assert [job["id"] for job in shown["jobs"]] == [job for job in reversed(made) if job != made[3]]
        assert shown["jobs"][0] == api.get_training_job(organization, "definition", made[-1])
        assert api.get_training_job_definition(organization, "definition", include_jobs=True) == shown
        assert api.get_training_job_definition(organization, "definition", include_jobs=False) == {
            **shown,
            "jobs": None,
        }

    def test_counts_stay_true(self, training: Client, definition: JobDefinition) -> None:
        """`version_count` and `versions` follow every creation and deletion, in lists too."""
        versions = definition.job_definition_versions()

        def counted() -> tuple[int, list[int]]:
            found = training.job_definitions().get("definition")
            (listed,) = training.job_definitions().list()
            assert listed.version_count == found.version_count
            return found.version_count, [each.job_definition_version_id for each in found.versions or []]

        for _ in range(3):
            versions.create(io.BytesIO(zipped()), HANDLER, IMAGE)
        assert counted() == (3, [1, 2, 3])
        versions.delete(2)
        assert counted() == (2, [1, 3])
        versions.archive(3)
        assert counted() == (2, [1, 3])
        versions.delete(3)
        versions.delete(1)
        assert counted() == (0, [])


class TestList:
    """GET /organizations/{organization_id}/training/definitions."""

    @pytest.fixture
    def names(self, training: Client) -> list[str]:
        """Names of seven definitions, in order of creation; the third and the last are archived."""
        names = [f"definition-{number}" for number in range(7)]
        for name in names:
            training.job_definitions().create(name)
        for name in (names[2], names[6]):
            training.job_definitions().archive(name)
        return names

    def test_filter(self, api: APIClient, wire: Wire, organization: str, names: list[str]) -> None:
        """Archived ones are hidden unless asked for; the SDK's True means exclude, against its own documentation."""
        kept = [name for name in names if name not in {names[2], names[6]}]
        for filter_archived, expected in ((None, kept), (True, kept), (False, names)):
            shown = api.get_training_job_definitions(organization, filter_archived=filter_archived)
            check_answer("get_training_job_definitions", shown)
            assert [each["name"] for each in shown["entries"]] == expected
            assert (shown["total"], shown["offset"], shown["limit"]) == (len(expected), 0, 50)
        check_refusal(wire("GET", DEFINITIONS, params={"filter_archived": "yes"}), 400, "filter_archived")

    @pytest.mark.parametrize("limit", [1, 2, 5, 6])
    @pytest.mark.parametrize("offset", [0, 1, 4, 9])
    @pytest.mark.usefixtures("names")
    def test_pages(self, api: APIClient, organization: str, offset: int, limit: int) -> None:
        """A page is a slice of the whole and says how large the whole is."""
        whole = api.get_training_job_definitions(organization)["entries"]
        shown = api.get_training_job_definitions(organization, offset=offset, limit=limit)
        assert shown == {"entries": whole[offset : offset + limit], "total": 5, "offset": offset, "limit": limit}

    @pytest.mark.parametrize("limit", [1, 2, 5, 7, None])
    def test_sdk_iterator_ends(self, platform: Platform, training: Client, names: list[str], limit: int | None) -> None:
        """The SDK's iterator knows its length and yields each definition once, with no request too many."""
        found = training.job_definitions().list(filter_archived=False, limit=limit)
        assert len(found) == 7
        assert [each.name for each in found] == names
        platform.assert_called("get_training_job_definitions", times=-(-7 // (limit or 50)))

    def test_more_than_one_default_page(self, training: Client) -> None:
        """Without a limit there are 50 a page; the iterator walks all of them, and an offset leaves some out."""
        made = [training.job_definitions().create(f"definition-{number}").name for number in range(53)]
        assert [each.name for each in training.job_definitions().list()] == made
        assert [each.name for each in training.job_definitions().list(offset=48)] == made[48:]

    def test_none(self, training: Client) -> None:
        """No definitions are an empty list."""
        found = training.job_definitions().list()
        assert (len(found), list(found)) == (0, [])

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=-1", "offset=-1", "limit=ten", f"limit={10**30}", f"offset={2**63}"]
    )
    def test_refused_query(self, wire: Wire, query: str) -> None:
        """A number that is none, negative, or more than can be counted is 400 for definitions and jobs."""
        wire("POST", DEFINITIONS, json={"name": "definition"})
        for path in (DEFINITIONS, DEFINITIONS + "/", f"{DEFINITIONS}/definition/jobs"):
            check_refusal(wire("GET", f"{path}?{query}"), 400, query.partition("=")[0])

    def test_archived_is_still_there(self, training: Client, definition: JobDefinition) -> None:
        """An archived definition is hidden from the list, found by name, and comes back when unarchived."""
        before = definition.modified_at
        training.job_definitions().archive("definition")
        assert list(training.job_definitions().list()) == []
        archived = training.job_definitions().get("definition")
        assert archived.archived
        assert archived.modified_at > before
        training.job_definitions().unarchive("definition")
        assert [each.archived for each in training.job_definitions().list()] == [False]


class TestDelete:
    """DELETE …/definitions/{job_definition_name}."""

    def test_leaves_nothing(
        self, api: APIClient, wire: Wire, platform: Platform, organization: str, training: Client
    ) -> None:
        """Versions, jobs, statistics, logs, results, tokens and blobs go with their definition, and nothing else."""
        training.job_definitions().create("other")
        training.job_definitions().get("other").job_definition_versions().create(io.BytesIO(zipped()), HANDLER, IMAGE)
        before = state(platform)
        definition = training.job_definitions().create("definition")
        for source in (zipped(), tarred()):
            definition.job_definition_versions().create(io.BytesIO(source), HANDLER, IMAGE)
        for version, exec_env in ((1, "cloud"), (2, "local"), (2, "cloud")):
            path = f"{DEFINITIONS}/definition/versions/{version}/jobs"
            identifier = wire("POST", path, json={"exec_env": exec_env}).json()["id"]
            job = f"{DEFINITIONS}/definition/jobs/{identifier}"
            api.update_statistics(organization, "definition", identifier, {"epoch": 1})
            wire("POST", job + "/logs", json={"logs": [{"message": "hello", "timestamp": 1}]})
            wire(
                "PUT", wire("POST", job + "/result").json()["uri"].partition("abeja.io")[2], data=b"zip" + job.encode()
            )
        definition.job_definition_versions().archive(1)
        definition.jobs().archive(identifier)
        assert state(platform) != before
        training.job_definitions().delete("definition")
        assert state(platform) == before

    @pytest.mark.usefixtures("version")
    def test_name_is_free_again(self, training: Client, definition: JobDefinition) -> None:
        """The name can be taken again; ids and numbers of the new one are its own."""
        training.job_definitions().delete("definition")
        with pytest.raises(abeja.exceptions.NotFound):
            training.job_definitions().get(definition.job_definition_id)
        again = training.job_definitions().create("definition")
        assert again.job_definition_id != definition.job_definition_id
        assert again.version_count == 0
        assert len(again.jobs().list()) == 0
