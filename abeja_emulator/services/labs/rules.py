"""State and rules of Labs apps."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, Union

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import NotFound
from abeja_emulator.services.descriptions import Description  # noqa: TC001 - msgspec looks it up
from abeja_emulator.services.labs.records import LabsApp
from abeja_emulator.services.labs.yaml_files import read_yaml
from abeja_emulator.services.times import zulu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload

#: Parts of the form that the command line client sends, each a file of the app's folder.
FILES = ("setting_yaml", "thumbnail", "how_to_use", "how_to_use_jp")

#: What an app is from the moment its files have come. Nobody builds and starts it here, so it stays that.
PENDING = "pending"

Name = Annotated[str, msgspec.Meta(min_length=1)]


class Metadata(msgspec.Struct, rename="camel"):
    """What `setting.yaml` says of the app itself.

    What `abeja labs init` writes has to be there. Description and version are in every answer; that this is where
    they come from, and that they may be left out, is inferred.
    """

    name: Name
    scope: Literal["private", "public"]
    abeja_user_only: bool
    auth_type: Literal["none", "abeja"]
    author: str
    description: Optional[Description] = None
    version: Optional[Union[str, int, float]] = None
    github_url: Optional[str] = msgspec.field(default=None, name="githubURL")


class Spec(msgspec.Struct, rename="camel"):
    """What `setting.yaml` says of how the app runs; all but the image may be left out, which is inferred."""

    image: Name
    instance_type: Optional[str] = None
    command: Optional[str] = None


class Setting(msgspec.Struct):
    """A `setting.yaml` (`abejacli/labs/commands.py`, update_setting_yaml)."""

    metadata: Metadata
    spec: Spec


class LabsApps:
    """The Labs apps of one Platform; names need not be unique, as the client asks which of them to overwrite."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._apps = world.store.table("labs_app", LabsApp)

    def create(
        self, organization_id: str, creator_id: str, files: Mapping[str, Upload], stop_after: int = 0
    ) -> LabsApp:
        """Create an app from the files that the command line client sends.

        Raises:
            BadRequest: when `setting.yaml` is not well-formed.
        """
        now = iso(self._world.clock.now())
        said = self._said(organization_id, files)
        app = LabsApp(
            labs_app_id=self._world.ids.platform_id(),
            organization_id=organization_id,
            status=PENDING,
            stop_after=stop_after,
            files=self._kept(files),
            creator_id=creator_id,
            created_at=now,
            modified_at=now,
            **said,
        )
        self._apps.insert(organization_id, app.labs_app_id, app)
        return app

    def get(self, organization_id: str, labs_app_id: str) -> LabsApp:
        """Return an app.

        Raises:
            NotFound: when the organization has none with that id.
        """
        app = self._apps.get(organization_id, labs_app_id)
        if app is None:
            known = self._apps.slice(organization_id, limit=10, newest_first=True)
            names = ", ".join(f"{each.labs_app_id} ({each.name})" for each in known) or "none"
            message = f"Labs app {labs_app_id!r} does not exist in organization {organization_id}; newest apps: {names}"
            raise NotFound(message)
        return app

    def all(self, organization_id: str) -> list[LabsApp]:
        """Return the apps of an organization, in order of creation."""
        return self._apps.slice(organization_id)

    def replace(
        self, organization_id: str, labs_app_id: str, files: Mapping[str, Upload], stop_after: int = 0
    ) -> LabsApp:
        """Let other files come in the place of an app's; it is what they say, and pending anew.

        Raises:
            BadRequest: when `setting.yaml` is not well-formed; the app stays as it was.
        """
        app = self.get(organization_id, labs_app_id)
        changed = msgspec.structs.replace(
            app,
            status=PENDING,
            stop_after=stop_after,
            modified_at=iso(self._world.clock.now()),
            **self._said(organization_id, files),
            files=self._kept(files),
        )
        self._release(app)
        self._apps.update(organization_id, labs_app_id, changed)
        return changed

    def delete(self, organization_id: str, labs_app_id: str) -> LabsApp:
        """Delete an app with its files, and return it as it was."""
        app = self.get(organization_id, labs_app_id)
        self._release(app)
        self._apps.delete(organization_id, labs_app_id)
        return app

    def view(self, app: LabsApp) -> dict[str, Any]:
        """Return an app as the API shows it, its files in base64."""
        shown = msgspec.structs.asdict(app)
        for name in ("stop_after", "files", "creator_id"):
            del shown[name]
        for name, digest in app.files.items():
            shown[f"{name}_base64"] = base64.b64encode(self._world.store.blobs.read(digest)).decode()
        shown["created_at"], shown["modified_at"] = zulu(app.created_at), zulu(app.modified_at)
        return shown

    def _said(self, organization_id: str, files: Mapping[str, Upload]) -> dict[str, Any]:
        """Return the fields of an app that its `setting.yaml` says."""
        setting = read_yaml(files["setting_yaml"], "setting.yaml", Setting)
        said = {**msgspec.structs.asdict(setting.metadata), **msgspec.structs.asdict(setting.spec)}
        version = said["version"]
        said["version"] = None if version is None else str(version)
        said["image"] = registered(organization_id, said["image"])
        return said

    def _kept(self, files: Mapping[str, Upload]) -> dict[str, str]:
        return {name: self._world.store.blobs.put(file.content)[0] for name, file in files.items()}

    def _release(self, app: LabsApp) -> None:
        for digest in app.files.values():
            self._world.store.blobs.release(digest)


def registered(organization_id: str, image: str) -> str:
    """Return the whole name of an image: one without a slash is of the organization's own registry.

    Evidence: inferred, from the client, which writes `<name>:latest`, and the answers it shows, which have
    `custom/<organization>/<name>:latest`.
    """
    return image if "/" in image else f"custom/{organization_id}/{image}"
