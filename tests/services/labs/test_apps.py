"""Labs apps, as the command line client makes, shows, overwrites and deletes them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.services.labs.rules import LabsApps
from abeja_emulator.services.organizations.rules import Accounts
from tests.services.labs.samples import APPS, FILES, LEAST, SETTING, form
from tests.services.training.samples import state
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


@pytest.fixture
def app(wire: Wire) -> dict[str, Any]:
    """An app, as it was answered."""
    made: dict[str, Any] = wire("POST", f"{APPS}?stop_after=0", files=form()).json()
    return made


def contents(shown: dict[str, Any]) -> dict[str, bytes]:
    """Return the files in an answer."""
    return {name: base64.b64decode(shown[f"{name}_base64"]) for name in FILES}


class TestCreate:
    """POST /labs/organizations/{organization_id}/apps."""

    def test_answer(self, app: dict[str, Any], organization: str) -> None:
        """An app is what its `setting.yaml` says, pending, with an id, times in UTC, and its files in base64."""
        check_answer("create_labs_app", app)
        assert PLATFORM_ID.fullmatch(app["labs_app_id"])
        assert ZULU_MICROSECONDS.fullmatch(app["created_at"])
        assert app["modified_at"] == app["created_at"]
        assert app["organization_id"] == organization
        said = {
            "status": "pending",
            "name": "my-app",
            "description": "猫を数える",
            "version": "0.0.1",
            "scope": "private",
            "abeja_user_only": True,
            "auth_type": "abeja",
            "author": "me@example.com",
            "github_url": "https://example.com/me/my-app",
            "image": f"custom/{organization}/my-app:latest",
            "instance_type": "cpu-1",
            "command": "streamlit run app.py",
        }
        assert {name: app[name] for name in said} == said
        assert contents(app) == {name: content for name, (_, content, _) in FILES.items()}

    def test_what_the_client_itself_writes_is_enough(self, wire: Wire) -> None:
        """What else an app has is null."""
        made = wire("POST", APPS, files=form(LEAST)).json()
        check_answer("create_labs_app", made)
        assert (made["abeja_user_only"], made["auth_type"], made["author"]) == (False, "none", "")
        optional = ("description", "version", "github_url", "instance_type", "command")
        assert [made[name] for name in optional] == [None] * 5

    @pytest.mark.parametrize("version", ["1", "1.5"])
    def test_as_yaml_reads_it(self, wire: Wire, version: str) -> None:
        """A version without quotes is a number to YAML and text to the platform; what is not known is ignored."""
        setting = SETTING.replace("0.0.1", version).replace("spec:", "kind: 2024-01-02\nspec:\n  ports: {1: 2}")
        assert wire("POST", APPS, files=form(setting)).json()["version"] == version

    def test_image_of_another_registry(self, wire: Wire) -> None:
        """A name that is whole already stays."""
        setting = SETTING.replace("my-app:latest", "example.com/me/my-app:1")
        assert wire("POST", APPS, files=form(setting)).json()["image"] == "example.com/me/my-app:1"

    def test_names_need_not_be_unique(self, wire: Wire, app: dict[str, Any]) -> None:
        """The client asks which of several apps of one name to overwrite."""
        again = wire("POST", APPS, files=form()).json()
        assert again["name"] == app["name"]
        assert again["labs_app_id"] != app["labs_app_id"]

    def test_stop_after_is_kept(self, wire: Wire, platform: Platform) -> None:
        """For whoever runs apps one day; no answer shows it."""
        made = wire("POST", f"{APPS}?stop_after=24", files=form()).json()
        with platform.world.store.reading():
            assert LabsApps(platform.world).get(platform.organization.id, made["labs_app_id"]).stop_after == 24


#: What is no `setting.yaml`, and words of the refusal.
WRONG_SETTINGS = [
    ("", "object"),
    ("- 1", "object"),
    ("metadata: [", "not YAML"),
    ("metadata: 2024-99-99", "not YAML"),
    ("a: !!python/object/apply:os.getcwd []", "not YAML"),
    ("[" * 700, "not YAML"),
    (b"\xff\xfe\xff", "not YAML"),
    (SETTING.replace("name: my-app", "name: ''"), "name"),
    (SETTING.replace("name: my-app", "name: 1"), "name"),
    (SETTING.replace("  name: my-app\n", ""), "name"),
    (SETTING.replace("scope: private", "scope: secret"), "scope"),
    (SETTING.replace("abejaUserOnly: true", "abejaUserOnly: 'yes'"), "abejaUserOnly"),
    (SETTING.replace("authType: abeja", "authType: basic"), "authType"),
    (SETTING.replace("  author: me@example.com\n", ""), "author"),
    (SETTING.replace("  image: my-app:latest\n", ""), "image"),
    (SETTING.partition("spec:")[0], "spec"),
    (SETTING.replace("猫を数える", "x" * 257), "256"),
]

FORM_TYPE = "multipart/form-data; boundary=x"


class TestRefusals:
    """What cannot become an app, and does not become one in the place of another."""

    @pytest.fixture(params=["POST", "PUT"])
    def push(self, request: pytest.FixtureRequest, wire: Wire, app: dict[str, Any]) -> Any:
        """Push to a new app, or over one that is there."""
        path = APPS if request.param == "POST" else f"{APPS}/{app['labs_app_id']}"
        return lambda query="", **arguments: wire(request.param, path + query, **arguments)

    @pytest.mark.parametrize(("setting", "words"), WRONG_SETTINGS)
    def test_settings(self, push: Any, platform: Platform, setting: str | bytes, words: str) -> None:
        """What `setting.yaml` may not say is 400, says so, and changes nothing."""
        before = state(platform)
        check_refusal(push(files=form(setting)), 400, "setting.yaml", words)
        assert state(platform) == before

    @pytest.mark.parametrize("missing", FILES)
    def test_missing_file(self, push: Any, platform: Platform, missing: str) -> None:
        """A form that lacks a file is 400, names it, and changes nothing."""
        before = state(platform)
        files = {name: part for name, part in form().items() if name != missing}
        check_refusal(push(files=files), 400, f"lacks the parts {missing}; it has")
        assert state(platform) == before

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({}, "multipart/form-data"),
            ({"json": {}}, "multipart/form-data"),
            ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, "boundary"),
            ({"data": b"--x\r\n", "headers": {"Content-Type": FORM_TYPE}}, "not well-formed"),
        ],
    )
    def test_no_form(self, push: Any, platform: Platform, arguments: dict[str, Any], words: str) -> None:
        """What is no form is 400, and changes nothing."""
        before = state(platform)
        check_refusal(push(**arguments), 400, words)
        assert state(platform) == before

    @pytest.mark.parametrize("hours", ["-1", "x", "0.5", ""])
    def test_stop_after(self, push: Any, platform: Platform, hours: str) -> None:
        """Hours are a whole number that is not negative."""
        before = state(platform)
        check_refusal(push(f"?stop_after={hours}", files=form()), 400, "stop_after")
        assert state(platform) == before


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_created(self, wire: Wire, app: dict[str, Any]) -> None:
        """It is shown and listed as it was answered, in order of creation."""
        other = wire("POST", APPS, files=form(LEAST)).json()
        assert wire("GET", f"{APPS}/{app['labs_app_id']}").json() == app
        listed = wire("GET", APPS).json()
        check_answer("get_labs_apps", listed)
        assert listed["entries"] == [app, other]

    def test_overwritten(self, wire: Wire, platform: Platform, app: dict[str, Any]) -> None:
        """It is what the new files say; id and time of creation stay, and the old files are gone."""
        platform.clock.advance(60)
        changed = wire("PUT", f"{APPS}/{app['labs_app_id']}?stop_after=1", files=form(LEAST, thumbnail=b"new")).json()
        check_answer("update_labs_app", changed)
        assert (changed["labs_app_id"], changed["created_at"]) == (app["labs_app_id"], app["created_at"])
        assert changed["modified_at"] > app["modified_at"]
        assert (changed["name"], changed["description"], changed["version"]) == ("least", None, None)
        assert contents(changed)["thumbnail"] == b"new"
        assert wire("GET", f"{APPS}/{app['labs_app_id']}").json() == changed
        assert wire("GET", APPS).json()["entries"] == [changed]
        sizes = sum(len(content) for content in contents(changed).values())
        assert platform.world.store.blobs.size == sizes

    def test_overwritten_with_the_same(self, wire: Wire, app: dict[str, Any]) -> None:
        """Files that did not change are still there."""
        changed = wire("PUT", f"{APPS}/{app['labs_app_id']}", files=form()).json()
        assert contents(changed) == contents(app)

    def test_deleted(self, wire: Wire, platform: Platform, app: dict[str, Any]) -> None:
        """It is gone everywhere, and its files with it; another app that has the same files keeps them."""
        other = wire("POST", APPS, files=form()).json()
        gone = wire("DELETE", f"{APPS}/{app['labs_app_id']}").json()
        check_answer("delete_labs_app", gone)
        assert gone == {"message": f"LabsApp (labs_app_id:{app['labs_app_id']}) was deleted"}
        assert wire("GET", APPS).json()["entries"] == [other]
        for method, arguments in (("GET", {}), ("PUT", {"files": form()}), ("DELETE", {})):
            response = wire(method, f"{APPS}/{app['labs_app_id']}", **arguments)
            check_refusal(response, 404, app["labs_app_id"], f"{other['labs_app_id']} (my-app)")
        wire("DELETE", f"{APPS}/{other['labs_app_id']}")
        assert platform.world.store.blobs.size == 0

    def test_of_another_organization(self, wire: Wire, platform: Platform, app: dict[str, Any]) -> None:
        """It is listed and found in its own organization only."""
        with platform.world.store.transaction():
            other = APPS.replace("{org}", Accounts(platform.world).add_organization("other-org").id)
        assert wire("GET", other).json() == {"entries": []}
        check_refusal(wire("GET", f"{other}/{app['labs_app_id']}"), 404, "newest apps: none")
