"""Model code that is made ready: its interpreter, its packages and all of its environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.runtime.interpreters import Interpreters
from abeja_emulator.runtime.limits import InstanceTypes, Limits
from abeja_emulator.runtime.requirement_files import RequirementsError
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.serving.model_code import RUNTIME, ModelCodes
from abeja_emulator.serving.preparation import PreparationError
from abeja_emulator.serving.variables import Role
from abeja_emulator.wire.content import Upload
from tests.serving.served import IMAGE, packed

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.serving.model_code import ReadyCode


class Installer:
    """Stands for `Environments`: installs nothing, and notes what it was to install."""

    def __init__(self, error: Exception | None = None) -> None:
        self.preinstalled: tuple[str, ...] = ()
        self._error = error

    def python_for(self, source: Path, interpreter: Path, *, preinstalled: tuple[str, ...], **_: Any) -> Path:
        """Return another interpreter."""
        assert (source / "main.py").is_file()
        self.preinstalled = preinstalled
        if self._error is not None:
            raise self._error
        return interpreter.parent / "other"


def ready(platform: Platform, place: Path, *, image: str = IMAGE, instance_type: str = "cpu-1", **options: Any) -> Any:
    world = platform.world
    with world.store.transaction():
        deployment = Deployments(world).create(platform.organization.id, "d", "", default_environment={"A": "1"})
        made = Versions(world).create(deployment, "0.0.1", "", image=image, user_parameters={"B": "2"})
        content = packed(main="")
        Versions(world).receive(deployment.deployment_id, made.version_id, Upload(content, len(content)))
        version = Versions(world).get(deployment, made.version_id)
    codes = ModelCodes(platform, api_url=lambda: "http://here", **options)
    return codes.ready(
        place,
        Role(deployment, version, "secret", service_id="ser-1"),
        models={},
        variables={"C": "3", "PYTHONPATH": "users"},
        instance_type=instance_type,
        log=lambda _: None,
        cancelled=lambda: False,
    )


def test_the_environment_is_the_shells_without_what_is_anothers_and_the_users_and_the_platforms_over_it(
    platform: Platform, tmp_path: Path
) -> None:
    shell = {"HOME": "/h", "A": "shell", "PYTHONPATH": "ours", "TRAINING_JOB_ID": "1", "PLATFORM_AUTH_TOKEN": "theirs"}
    code: ReadyCode = ready(platform, tmp_path / "p", environment=lambda: shell, random_seed=5)
    found = code.environment
    assert (found["HOME"], found["A"], found["B"], found["C"]) == ("/h", "1", "2", "3")
    assert found["PYTHONPATH"] == "ours:users"
    assert (found["PLATFORM_AUTH_TOKEN"], found["PYTHONHASHSEED"]) == ("secret", "5")
    assert "TRAINING_JOB_ID" not in found


@pytest.mark.parametrize(
    ("image", "preinstalled", "expected"),
    [
        (IMAGE, (), (RUNTIME,)),
        (IMAGE, ("abeja-sdk>=2.3",), ("abeja-sdk>=2.3", RUNTIME)),
        (IMAGE, ("AbejaRuntime==1.1.1",), ("AbejaRuntime==1.1.1",)),
        ("abeja-inc/all-cpu:18.10", (), ()),
    ],
)
def test_the_runtime_is_installed_where_the_image_has_one(
    platform: Platform, tmp_path: Path, image: str, preinstalled: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    installer = Installer()
    code = ready(platform, tmp_path / "p", image=image, preinstalled=preinstalled, environments=installer)
    assert installer.preinstalled == expected
    assert code.python.name == "other"


def test_the_image_says_how_the_handler_is_called(platform: Platform, tmp_path: Path) -> None:
    assert ready(platform, tmp_path / "p", image="abeja-inc/all-cpu:18.10").calling is ModelCalling.ITERATOR


def test_limits_are_those_of_the_instance_type(platform: Platform, tmp_path: Path) -> None:
    types = InstanceTypes({"cpu-1": Limits(cpus=1)})
    assert ready(platform, tmp_path / "p", instance_types=types).limits == Limits(cpus=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"interpreters": Interpreters(default="/no/such/python")}, "/no/such/python"),
        ({"environments": Installer(RequirementsError("cannot be installed"))}, "cannot be installed"),
        ({"variables": {"HANDLER": "mine"}}, "HANDLER"),
    ],
)
def test_what_is_in_the_way_is_a_sentence(
    platform: Platform, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(PreparationError, match=words):
        ready(platform, tmp_path / "p", **options)


def test_the_interpreter_is_the_images(platform: Platform, tmp_path: Path) -> None:
    assert ready(platform, tmp_path / "p").python == Path(sys.executable)
