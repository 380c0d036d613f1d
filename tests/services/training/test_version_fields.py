"""What a version may hold: handlers, images, variables, aliases of datasets."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from abeja.common.docker_image_name import DockerImageName
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.images import DEFAULT_IMAGE
from abeja_emulator.services.variables import RESERVED
from tests.services.training.samples import HANDLER, IMAGE, state, zipped
from tests.services.wire import Wire, check_refusal

if TYPE_CHECKING:
    import requests
    from abeja.training.api.client import APIClient
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform

VERSIONS = "/organizations/{org}/training/definitions/definition/versions"

#: What the command line takes (abejacli/config/__init__.py).
VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
own_names = st.from_regex(VARIABLE, fullmatch=True).filter(lambda name: name not in RESERVED)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
#: No variable has a NUL character.
values = texts.filter(lambda text: "\0" not in text)
json_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | values

#: Text that is near to a name of an image.
image_like = st.text("abz09.-_/: ", max_size=20) | st.lists(st.text("ab:", max_size=3), max_size=5).map("/".join)

in_one_platform = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _definition(definition: JobDefinition) -> None:
    """Versions need one."""


def create(wire: Wire, **parameters: Any) -> requests.Response:
    """Create a version with these parameters."""
    content = json.dumps({"handler": HANDLER, "image": IMAGE, **parameters}).encode()
    return wire("POST", VERSIONS, files={"source_code": zipped(), "parameters": content})


class TestHandler:
    """`handler`: text."""

    @pytest.mark.parametrize("image", [IMAGE, "abeja-inc/all-gpu:18.10", "abeja-inc/all-gpu:20.02a"])
    @pytest.mark.parametrize("handler", ["train:handler", "pkg.sub.train:main", "学習:実行", "train", "a:b:c"])
    def test_taken_as_it_is(self, wire: Wire, handler: str, image: str) -> None:
        """Any form is taken and shown, whatever the image: it is the launcher that fails a job without one colon."""
        answer = create(wire, handler=handler, image=image).json()
        assert (answer["handler"], answer["image"]) == (handler, image)

    @pytest.mark.parametrize("handler", [None, 1, ["train:handler"]])
    def test_no_text(self, wire: Wire, platform: Platform, handler: Any) -> None:
        """What is no text is 400 and changes nothing."""
        before = state(platform)
        check_refusal(create(wire, handler=handler), 400, "handler")
        assert state(platform) == before


class TestImage:
    """`image`: what the SDK can read back."""

    @pytest.mark.parametrize(
        "image",
        [
            "abeja-inc/all-cpu:19.10",
            "abeja-inc/all-gpu",
            "custom/1234567890123/my-image:v1.0",
            "reg.example:5000/a/b:c",
        ],
    )
    def test_well_formed(self, wire: Wire, definition: JobDefinition, image: str) -> None:
        """Repository, name, and if wanted a tag and a host."""
        assert create(wire, image=image).json()["image"] == image
        assert str(definition.job_definition_versions().get(1).image) == image

    @pytest.mark.parametrize("image", [None, ""])
    def test_default(self, wire: Wire, definition: JobDefinition, image: str | None) -> None:
        """A version without one gets one, because the SDK cannot read a version that has none."""
        assert create(wire, image=image).json()["image"] == DEFAULT_IMAGE
        assert str(definition.job_definition_versions().get(1).image) == DEFAULT_IMAGE

    @in_one_platform
    @given(image=image_like)
    @example("host/repository/name:tag/more")
    @example("host/repository/name:tag/more:tag")
    @example("hö/repository/name")
    @example("repository/na me")
    @example("repository/name:tag:tag")
    def test_taken_images_can_be_read(self, wire: Wire, image: str) -> None:
        """Whatever image is taken, the SDK reads it; one it could not read is 400."""
        response = create(wire, image=image)
        if response.status_code == 200:
            DockerImageName.parse(response.json()["image"])
        else:
            check_refusal(response, 400, "repository/name")


class TestEnvironment:
    """`environment`: text under names of variables."""

    @in_one_platform
    @given(environment=st.dictionaries(own_names, json_values, max_size=4))
    def test_values_become_text(self, wire: Wire, environment: dict[str, Any]) -> None:
        """Values are shown as text, as the command line coerces them; null is the empty text."""
        shown = create(wire, environment=environment).json()["environment"]
        assert shown == {name: "" if value is None else str(value) for name, value in environment.items()}

    def test_a_value_that_no_variable_has(self, wire: Wire) -> None:
        """With a NUL character, which ends a text where variables are kept."""
        answer = create(wire, environment={"A": "a\0b"})
        assert answer.status_code == 400
        assert "the value of A has a NUL character" in answer.json()["error_description"]

    @in_one_platform
    @given(name=texts)
    @example("1ST")
    @example("a-b")
    @example("a=b")
    @example("a\n")
    @example("")
    def test_names(self, wire: Wire, name: str) -> None:
        """A name is taken exactly when the command line takes it and the platform has not taken it for itself."""
        response = create(wire, environment={name: "x"})
        if VARIABLE.fullmatch(name) and name not in RESERVED:
            assert response.json()["environment"] == {name: "x"}
        else:
            check_refusal(response, 400, name if name in RESERVED else repr(name), "variable")

    def test_reserved_names(self, wire: Wire) -> None:
        """Names the platform sets itself are refused, on versions and on jobs alike, and nothing is made."""
        create(wire)
        for name in ("HANDLER", "DATASETS", "ABEJA_ORGANIZATION_ID", "TRAINING_JOB_ID"):
            check_refusal(create(wire, environment={name: "x"}), 400, name, "set by the platform itself")
            job = wire("POST", f"{VERSIONS}/1/jobs", json={"environment": {name: "x"}})
            check_refusal(job, 400, name, "set by the platform itself")
        assert [version["job_definition_version"] for version in wire("GET", VERSIONS).json()["entries"]] == [1]

    def test_old_name(self, wire: Wire) -> None:
        """`user_parameters` is the old name of `environment`, which wins; answers have the new name alone."""
        answer = create(wire, user_parameters={"BATCH": 32}).json()
        assert (answer["environment"], answer["user_parameters"]) == ({"BATCH": "32"}, {})
        both = create(wire, environment={"A": 1}, user_parameters={"B": 2}).json()
        assert both["environment"] == {"A": "1"}

    @pytest.mark.parametrize("value", ["A=1", ["A"], 1])
    def test_no_object(self, wire: Wire, value: Any) -> None:
        """What is no object is 400."""
        check_refusal(create(wire, environment=value), 400, "environment")
        check_refusal(create(wire, datasets=value), 400, "datasets")


class TestDatasets:
    """`datasets`: ids under aliases."""

    def test_ids_become_text(self, wire: Wire) -> None:
        """An id that a file of the command line has unquoted is a number on the wire, and text ever after."""
        answer = create(wire, datasets={"train": 1234567890123, "valid": "1234567890124"}).json()
        assert answer["datasets"] == {"train": "1234567890123", "valid": "1234567890124"}

    @in_one_platform
    @given(datasets=st.dictionaries(texts, st.integers(0, 10**13) | texts, max_size=3))
    @example({"my-data_2": 1})
    @example({"学習": "1234567890123"})
    @example({"": "no integer"})
    def test_any_alias(self, wire: Wire, datasets: dict[str, Any]) -> None:
        """Any alias and any id is taken, of versions and of jobs: it is the launcher that fails a job for an id."""
        expected = {alias: str(identifier) for alias, identifier in datasets.items()}
        version = create(wire, datasets=datasets).json()
        assert version["datasets"] == expected
        job = wire("POST", f"{VERSIONS}/{version['job_definition_version']}/jobs", json={}).json()
        assert job["datasets"] == expected
        first = create(wire).json()["job_definition_version"]
        assert wire("POST", f"{VERSIONS}/{first}/jobs", json={"datasets": datasets}).json()["datasets"] == expected

    def test_sdk_sends_them(self, api: APIClient, organization: str) -> None:
        """The low-level SDK hands any parameter on, datasets too."""
        made = api.create_training_job_definition_version_native_api(
            organization, "definition", io.BytesIO(zipped()), {"handler": HANDLER, "datasets": {"train": 1}}
        )
        assert made["datasets"] == {"train": "1"}
