"""Versions that come from a git repository: kept with where they come from, and not fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.shapes import NewGitVersion
from abeja_emulator.services.training.sources import no_source
from tests.services.training.samples import HANDLER, IMAGE, state
from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.training.client import Client
    from abeja.training.job_definition import JobDefinition
    from abeja.training.job_definition_version import JobDefinitionVersion

    from abeja_emulator.platform import Platform

DEFINITION = "/organizations/{org}/training/definitions/definition"
GIT = f"{DEFINITION}/git/versions"
SENT = {"git_url": "https://github.com/owner/name", "handler": HANDLER, "image": IMAGE}


@pytest.mark.usefixtures("definition")
class TestCreate:
    """POST …/git/versions."""

    def test_answer(self, wire: Wire, definition: JobDefinition) -> None:
        """All that was sent is kept and shown, and where the version comes from."""
        more = {"git_branch": "release/1.0", "environment": {"A": 1}, "datasets": {"train": 123}, "description": "d"}
        mounts = {"dataset_premounted": True, "datalakes": ["1"], "buckets": ["2"]}
        answer = wire("POST", GIT, json={**SENT, **more, **mounts}).json()
        check_answer("create_training_version_from_git", answer)
        assert answer.pop("created_at") == answer.pop("modified_at")
        assert answer == {
            "job_definition_id": definition.job_definition_id,
            "job_definition_version": 1,
            "handler": HANDLER,
            "image": IMAGE,
            "environment": {"A": "1"},
            "user_parameters": {},
            "datasets": {"train": "123"},
            "description": "d",
            "archived": False,
            "git_url": "https://github.com/owner/name",
            "git_branch": "release/1.0",
        }

    def test_branch(self, wire: Wire) -> None:
        """Where none is named it is master (help text of the CLI)."""
        assert wire("POST", GIT, json=SENT).json()["git_branch"] == "master"

    def test_among_others(self, wire: Wire, definition: JobDefinition, version: JobDefinitionVersion) -> None:
        """It takes the next number, is shown, listed and counted, and can be archived and deleted like any other."""
        made = wire("POST", GIT, json=SENT).json()
        assert made["job_definition_version"] == version.job_definition_version_id + 1
        assert wire("GET", f"{DEFINITION}/versions/2").json() == made
        first, second = wire("GET", f"{DEFINITION}/versions").json()["entries"]
        assert ("git_url" in first, second) == (False, made)
        shown = wire("GET", DEFINITION).json()
        check_answer("get_training_job_definition", shown)
        assert (shown["version_count"], shown["versions"][1]) == (2, made)
        versions = definition.job_definition_versions()
        assert versions.update(2, "told").description == "told"
        versions.archive(2)
        assert [each.job_definition_version_id for each in versions.list()] == [1]
        versions.delete(2)
        assert wire("GET", DEFINITION).json()["version_count"] == 1

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"git_url": None}, "git_url"),
            ({"git_url": ""}, "git_url"),
            ({"git_url": "http://github.com/owner/name"}, "https"),
            ({"git_url": "git@github.com:owner/name.git"}, "https"),
            ({"git_url": "https://github.com"}, "https"),
            ({"git_url": "https://github.com/owner/na me"}, "https"),
            ({"handler": None}, "handler"),
            ({"image": None}, "image"),
            ({"image": "nonsense"}, "image"),
            ({"git_branch": "--output=x"}, "git_branch"),
            ({"git_branch": "a..b"}, "git_branch"),
            ({"git_branch": "a b"}, "git_branch"),
            ({"environment": {"1A": ""}}, "1A"),
            ({"description": "x" * 257}, "256"),
        ],
    )
    def test_refused(self, wire: Wire, platform: Platform, change: dict[str, Any], word: str) -> None:
        """What cannot be is 400 and makes nothing."""
        before = state(platform)
        check_refusal(wire("POST", GIT, json={**SENT, **change}), 400, word)
        assert state(platform) == before

    @pytest.mark.parametrize(
        "url",
        ["http://user:s3cret@github.com/owner/name", "user:s3cret@github.com:owner/name", "https//s3cret@github.com"],
    )
    def test_refused_with_credentials(self, wire: Wire, platform: Platform, url: str) -> None:
        """They are neither in what is said of it nor in what is remembered of the call."""
        answer = wire("POST", GIT, json={**SENT, "git_url": url})
        check_refusal(answer, 400, "git_url", "github.com")
        assert "s3cret" not in answer.text + str(list(platform.journal))

    def test_with_credentials(self, wire: Wire) -> None:
        """Those of a URL that is taken are shown as they were sent. What the platform does is not known: inferred."""
        url = "https://user:s3cret@github.com/owner/name?token=s3cret"
        assert wire("POST", GIT, json={**SENT, "git_url": url}).json()["git_url"] == url
        assert wire("GET", f"{DEFINITION}/versions/1").json()["git_url"] == url
        assert wire("GET", f"{DEFINITION}/versions").json()["entries"][0]["git_url"] == url

    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(branch=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
    def test_any_branch(self, wire: Wire, branch: str) -> None:
        """No branch that is taken could be an option, a range or more than one word of a command."""
        answer = wire("POST", GIT, json={**SENT, "git_branch": branch})
        if answer.status_code == 200:
            assert answer.json()["git_branch"] == branch
            assert not branch.startswith("-")
            assert ".." not in branch
            assert branch.split() == [branch]
        else:
            check_refusal(answer, 400, "git_branch")

    def test_unknown_definition(self, wire: Wire) -> None:
        """A definition that is not there is 404."""
        check_refusal(wire("POST", GIT.replace("definition/git", "unknown/git"), json=SENT), 404, "unknown")


@pytest.mark.usefixtures("definition")
class TestSource:
    """What a version from git does not have."""

    def test_no_source(self, wire: Wire) -> None:
        """Its source is 404, and the refusal says from where it would have to come."""
        wire("POST", GIT, json={**SENT, "git_branch": "main"})
        path = f"{DEFINITION}/versions/1/source"
        check_refusal(wire("GET", path), 404, "https://github.com/owner/name", "main", "does not fetch")

    def test_words_for_a_log(self, wire: Wire, platform: Platform, organization: str) -> None:
        """A job of it is Pending; what its log is to say names the version, the repository and the branch."""
        wire("POST", GIT, json=SENT)
        assert wire("POST", f"{DEFINITION}/versions/1/jobs", json={}).json()["status"] == "Pending"
        definitions = Definitions(platform.world)
        with platform.world.store.reading():
            words = no_source(definitions.version(definitions.get(organization, "definition"), "1"))
        for word in ("version 1", "https://github.com/owner/name", "branch master", "from an archive"):
            assert word in words

    def test_as_text(self, wire: Wire, platform: Platform, organization: str) -> None:
        """What was sent, and what is kept of it, are without credentials where a traceback shows them."""
        url = "https://user:s3cret@github.com/owner/name"
        wire("POST", GIT, json={**SENT, "git_url": url})
        definitions = Definitions(platform.world)
        with platform.world.store.reading():
            version = definitions.version(definitions.get(organization, "definition"), "1")
        assert version.git_url == url
        assert repr(version) == repr(msgspec.structs.replace(version, git_url="https://github.com/owner/name"))
        sent = NewGitVersion(git_url=url, handler=HANDLER, image=IMAGE)
        assert repr(sent).startswith("NewGitVersion(git_url='https://github.com/owner/name', handler='train:handler', ")
        assert "git_url=None" in repr(msgspec.structs.replace(version, git_url=None))

    def test_delete(self, wire: Wire, training: Client, platform: Platform) -> None:
        """A definition with such a version is deleted like any other."""
        wire("POST", GIT, json=SENT)
        training.job_definitions().delete("definition")
        assert "job_definition_version" not in {kind for kind, *_ in state(platform)["records"]}
