"""`doctor`: each thing that is known not to work is found, with why and what to do; and nothing is found in vain."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.cli.findings import Facts, Package
from abeja_emulator.cli.version_checks import check_serving
from tests.cli.commands import ROOT, TIMEOUT, shell_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commands import Commands

#: An SDK, as far as importing it goes.
SDK = {"abeja/__init__.py": "", **{f"abeja/{name}/__init__.py": "" for name in ("datalake", "datasets", "train")}}


@pytest.fixture
def site(command: Commands) -> Path:
    """A folder that this Python looks into first."""
    folder = command.home / "site"
    folder.mkdir()
    command.environment["PYTHONPATH"] = f"{folder}:{ROOT}"
    return folder


def install(site: Path, name: str, version: str, *requires: str) -> None:
    """Put the metadata of a package there, which is all that tells its version."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in requires]
    (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(site: Path, files: dict[str, str]) -> None:
    """Put modules there."""
    for name, text in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def findings(command: Commands, code: int, *arguments: object) -> list[dict[str, Any]]:
    """Return what the doctor finds, and check that its exit code and its count say the same."""
    told = command.json("doctor", *arguments, code=code)
    found: list[dict[str, Any]] = told["findings"]
    assert told["broken"] == sum(finding["level"] == "breaks" for finding in found)
    assert bool(told["broken"]) == (code == 1)
    for finding in found:
        assert finding["what"]
        assert finding["why"]
        assert finding["do"]
    return found


def one(found: list[dict[str, Any]], words: str) -> dict[str, Any]:
    """Return the one finding whose `what` has these words."""
    (finding,) = [each for each in found if words in each["what"]]
    return finding


def test_a_sound_environment(command: Commands) -> None:
    """In the environment of these tests nothing breaks; a person reads which versions there are."""
    shown = command("doctor").stdout
    assert shown.startswith("Python 3.")
    assert "abeja-sdk " in shown.splitlines()[0]
    assert shown.endswith("nothing here will break\n")


class TestProject:
    """`training.yaml` in the folder where the doctor is asked."""

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("environment: [a]", "training.yaml: environment is a mapping"),
            ("handler: [", "training.yaml is not YAML: while parsing"),
            ("handler: train.handler", "training.yaml: handler 'train.handler' is not of the form"),
            ("handler: trian:quick", "training.yaml: handler 'trian:quick': there is no module"),
            ("handler: train:nothing", "training.yaml: module 'train'"),
        ],
    )
    def test_one_that_is_wrong(self, command: Commands, handlers: Path, text: str, what: str) -> None:
        """What `run` would refuse, the doctor says."""
        (handlers / "training.yaml").write_text(text, encoding="utf-8")
        finding = one(findings(command, 1), what)
        assert finding["level"] == "breaks"
        assert "\n" not in finding["what"]
        code = 2 if text.startswith("handler: t") else 1
        assert what.partition("training.yaml: ")[2] in command("run", code=code).stderr

    def test_one_that_is_right(self, command: Commands, handlers: Path) -> None:
        """Nothing is said of it, nor of a folder without one."""
        (handlers / "training.yaml").write_text("handler: train:quick\nenvironment: {A: b}\n", encoding="utf-8")
        assert not [finding for finding in findings(command, 0) if "training.yaml" in finding["what"]]

    def test_without_pyyaml(self, command: Commands, handlers: Path, site: Path) -> None:
        """It is named, and a person does not read that nothing will break."""
        (handlers / "training.yaml").write_text("handler: train:quick\n", encoding="utf-8")
        write(site, {"yaml.py": "raise ImportError('not here')\n"})
        finding = one(findings(command, 0), "training.yaml is YAML, and pyyaml is not installed")
        assert (finding["level"], finding["do"]) == ("mind", "pip install pyyaml")
        shown = command("doctor").stdout
        assert "nothing here will break" not in shown
        assert shown.endswith(" to mind, as said above\n")


class TestServing:
    """What serves models."""

    @pytest.mark.parametrize(
        ("python", "packages", "what", "do"),
        [
            ((3, 11), {}, "abejaruntime is not installed", "pip install abejaruntime"),
            ((3, 13), {}, "abejaruntime is not installed", "pip install abejaruntime legacy-cgi"),
            ((3, 13), {"abejaruntime": "1.1.1"}, "abejaruntime 1.1.1 without the module cgi", "pip install legacy-cgi"),
        ],
    )
    def test_what_is_missing(
        self, tmp_path: Path, python: tuple[int, int], packages: dict[str, str], what: str, do: str
    ) -> None:
        """It is said who needs it, and how it is installed."""
        (finding,) = check_serving(facts(tmp_path, python, packages))
        assert (finding.level, finding.what, finding.do) == ("mind", what, do)
        for who in ("model serve", "pipeline", "services", "runs", "abeja_serve"):
            assert who in finding.why

    @pytest.mark.parametrize(
        ("python", "packages"),
        [
            ((3, 11), {"abejaruntime": "1.1.1"}),
            ((3, 13), {"abejaruntime": "1.1.1", "legacy-cgi": "2.6"}),
        ],
    )
    def test_what_is_there(self, tmp_path: Path, python: tuple[int, int], packages: dict[str, str]) -> None:
        """Nothing is said."""
        assert list(check_serving(facts(tmp_path, python, packages))) == []


def facts(home: Path, python: tuple[int, int], packages: dict[str, str]) -> Facts:
    """Return what there is on a machine that was made up."""
    return Facts(python, {name: Package(each, ()) for name, each in packages.items()}, {}, home, "linux")


class TestVersions:
    """Pairs that do not work together."""

    @pytest.mark.parametrize(
        ("packages", "what", "do"),
        [
            ({"abeja-sdk": "2.1.2", "urllib3": "2.2.3"}, "abeja-sdk 2.1.2 with urllib3 2.2.3", "urllib3<2"),
            (
                {"abeja-sdk": "1.3.1", "urllib3": "1.26.20", "protobuf": "5.29.6"},
                "1.3.1 with protobuf",
                "protobuf<3.21",
            ),
            ({"abeja-sdk": "2.2.4", "numpy": "2.3.1"}, "abeja-sdk 2.2.4 with numpy 2.3.1", "numpy<2.3"),
            ({"abejacli": "2.2.8", "urllib3": "2.8.0"}, "abejacli 2.2.8 with urllib3 2.8.0", "urllib3<2"),
        ],
    )
    def test_pairs(self, command: Commands, site: Path, packages: dict[str, str], what: str, do: str) -> None:
        """Each is named with both versions, and with the pin that helps."""
        write(site, SDK)
        for name, version in packages.items():
            install(site, name, version)
        finding = one(findings(command, 1), what)
        assert finding["level"] == "breaks"
        assert do in finding["do"]

    @pytest.mark.parametrize(("sdk", "urllib3"), [("2.1.2", "1.26.20"), ("2.2.2", "2.2.3"), ("2.3.6", "2.8.0")])
    def test_pairs_that_work(self, command: Commands, site: Path, sdk: str, urllib3: str) -> None:
        """Pairs that were tried and work are not found."""
        write(site, SDK)
        install(site, "abeja-sdk", sdk)
        install(site, "urllib3", urllib3)
        shown = [finding["what"] for finding in _all(command)]
        assert not [what for what in shown if "with urllib3" in what]

    def test_a_pin_that_was_overruled(self, command: Commands, site: Path) -> None:
        """What the SDK itself forbids is found from its own metadata; of protobuf it says where it comes from."""
        write(site, SDK)
        install(site, "abeja-sdk", "2.3.6", "protobuf>=3.20.2,<6", "requests>=2.27.1", 'nothing>1; extra == "more"')
        install(site, "protobuf", "6.31.0")
        finding = one(findings(command, 1), "abeja-sdk 2.3.6 wants protobuf")
        assert "6.31.0 is installed" in finding["what"]
        assert "TensorFlow 2.21" in finding["why"]

    def test_a_requirement_that_is_missing(self, command: Commands, site: Path) -> None:
        """What is required and not there is found, too."""
        write(site, SDK)
        install(site, "abeja-sdk", "2.3.6", "no-such-thing>=1")
        assert "that is not installed" in one(findings(command, 1), "wants no-such-thing>=1")["what"]

    def test_an_sdk_that_cannot_be_imported(self, command: Commands, site: Path) -> None:
        """It is really imported, and what Python says then is repeated."""
        write(site, {**SDK, "abeja/__init__.py": "raise ImportError('cannot import name builder')"})
        install(site, "abeja-sdk", "2.3.6")
        finding = one(findings(command, 1), "cannot be imported")
        assert "ImportError: cannot import name builder" in finding["what"]

    def test_an_sdk_that_is_imported_early(self, command: Commands, site: Path) -> None:
        """A sitecustomize that imports it freezes its variables before anybody can set them."""
        write(site, {"sitecustomize.py": "import abeja\n", **SDK})
        install(site, "abeja-sdk", "2.3.6")
        found = _all(command)
        assert one(found, "imports abeja whenever Python starts")["level"] == "mind"
        assert one(found, "has a sitecustomize")["level"] == "note"

    def test_a_rival(self, command: Commands, site: Path) -> None:
        """A plugin that replaces connections is named."""
        install(site, "pytest-recording", "0.13.4")
        assert one(findings(command, 0), "pytest-recording is installed")["level"] == "mind"


def _all(command: Commands) -> list[dict[str, Any]]:
    """Return what the doctor finds, whatever else there is."""
    done = subprocess.run(
        command.line("doctor", "--json"),
        cwd=command.folder,
        env=shell_environment(command.home, command.environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return found


class TestVariables:
    """Variables of the shell."""

    @pytest.mark.parametrize(
        ("variables", "what"),
        [
            ({"ABEJA_API_URL": ""}, "ABEJA_API_URL is ''"),
            ({"ABEJA_API_URL": "api.abeja.io"}, "ABEJA_API_URL is 'api.abeja.io'"),
            ({"ABEJA_API_URL": "https://localhost:8910"}, "ABEJA_API_URL is https://localhost:8910"),
            ({"ABEJA_SDK_CONNECTION_TIMEOUT": "30"}, "ABEJA_SDK_CONNECTION_TIMEOUT is set"),
            ({"ABEJA_SDK_MAX_RETRY_COUNT": "3"}, "ABEJA_SDK_MAX_RETRY_COUNT is set"),
            ({"FETCH_WORKER_COUNT": "many"}, "FETCH_WORKER_COUNT is 'many'"),
            ({"UPLOAD_WORKER_COUNT": ""}, "UPLOAD_WORKER_COUNT is ''"),
            ({"REQUESTS_CA_BUNDLE": "/nowhere.pem"}, "REQUESTS_CA_BUNDLE is /nowhere.pem"),
            ({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, "PYTEST_DISABLE_PLUGIN_AUTOLOAD is set"),
            ({"PYTEST_ADDOPTS": "-p no:abeja_emulator"}, "PYTEST_ADDOPTS has -p no:abeja_emulator"),
        ],
    )
    def test_what_breaks(self, command: Commands, variables: dict[str, str], what: str) -> None:
        """Each ends the doctor with 1."""
        command.environment.update(variables)
        assert one(findings(command, 1), what)["level"] == "breaks"

    @pytest.mark.parametrize(
        ("variables", "what", "level"),
        [
            ({"ABEJA_API_URL": "https://api.abeja.io/"}, "ends with a slash", "mind"),
            ({"PLATFORM_AUTH_TOKEN": "x"}, "PLATFORM_AUTH_TOKEN is set, for https://api.abeja.io", "mind"),
            ({"ABEJA_CLI_USER": "x", "ORGANIZATION_NAME": "y"}, "ABEJA_CLI_USER, ORGANIZATION_NAME are set", "mind"),
            (
                {"HTTP_PROXY": "http://proxy.example:3128"},
                "calls go through a proxy (http://proxy.example:3128)",
                "mind",
            ),
            ({"PYTHONOPTIMIZE": "1"}, "Python runs optimized", "mind"),
            ({"PYTHONWARNINGS": "error::UserWarning"}, "makes errors of warnings", "mind"),
            ({"ABEJA_STORAGE_DIR_PATH": "cache"}, "ABEJA_STORAGE_DIR_PATH is set", "note"),
        ],
    )
    def test_what_one_should_know(self, command: Commands, variables: dict[str, str], what: str, level: str) -> None:
        """Others are said, and the doctor ends with 0."""
        command.environment.update(variables)
        assert one(findings(command, 0), what)["level"] == level

    @pytest.mark.parametrize(
        "variables",
        [
            {"HTTP_PROXY": "http://proxy.example:3128", "NO_PROXY": "localhost,127.0.0.1"},
            {"http_proxy": "http://127.0.0.1:8910"},
            {"HTTPS_PROXY": "http://proxy.example:3128"},
        ],
    )
    def test_proxies_that_do_no_harm(self, command: Commands, variables: dict[str, str]) -> None:
        """An exception for this machine, the emulator itself as the proxy, one for https alone: none is found."""
        command.environment.update(variables)
        assert not [finding for finding in findings(command, 0) if "proxy" in finding["what"]]

    def test_one_and_several(self, command: Commands) -> None:
        """What is said of one variable is said of one."""
        command.environment["ABEJA_STORAGE_DIR_PATH"] = "cache"
        finding = one(findings(command, 0), "ABEJA_STORAGE_DIR_PATH is set")
        assert (finding["why"][:19], finding["do"][:6]) == ("the SDK reads it on", "set it")
        command.environment["FETCH_WORKER_COUNT"] = "2"
        finding = one(findings(command, 0), "ABEJA_STORAGE_DIR_PATH, FETCH_WORKER_COUNT are set")
        assert "the SDK reads them once" in finding["why"]

    def test_no_secret_is_shown(self, command: Commands) -> None:
        """Variables with credentials are named, and their values are not."""
        command.environment.update(
            PLATFORM_AUTH_TOKEN="s3cret-of-the-shell", PERSONAL_ACCESS_TOKEN="s3cret-of-the-shell"
        )
        command.environment["HTTP_PROXY"] = "http://me:s3cret-of-the-shell@proxy.example:3128"
        for arguments in (["doctor"], ["doctor", "--json"]):
            done = command(*arguments)
            assert "PLATFORM_AUTH_TOKEN" in done.stdout
            assert "s3cret-of-the-shell" not in done.stdout + done.stderr


class TestFiles:
    """Files of the user."""

    @pytest.mark.parametrize("text", ["default login me password x\n", "machine api.abeja.io login me password x\n"])
    def test_netrc(self, command: Commands, text: str) -> None:
        """A login that requests would send instead of the SDK's is found."""
        (command.home / ".netrc").write_text(text, encoding="utf-8")
        (command.home / ".netrc").chmod(0o600)
        assert "has a login for" in one(findings(command, 1), ".netrc")["what"]

    def test_netrc_of_others(self, command: Commands) -> None:
        """A login for another host is nobody's concern."""
        (command.home / ".netrc").write_text("machine example.org login me password x\n", encoding="utf-8")
        assert not [finding for finding in findings(command, 0) if ".netrc" in finding["what"]]

    def test_configuration_of_the_command_line(self, command: Commands) -> None:
        """Credentials that the platform's command line would use are found."""
        (command.home / ".abeja").mkdir()
        (command.home / ".abeja" / "config").write_text("{}", encoding="utf-8")
        assert one(findings(command, 0), ".abeja/config has credentials")["level"] == "mind"


@pytest.mark.usefixtures("server")
class TestRunningServer:
    """Whether a server is where it should be."""

    def test_it_answers(self, command: Commands) -> None:
        """With its variables set, and a proxy that is not asked for this machine, all is well."""
        command.environment.update(HTTP_PROXY="http://proxy.example:3128", NO_PROXY="127.0.0.1")
        assert not [finding for finding in findings(command, 0) if "server" in finding["what"]]

    def test_a_proxy_before_it(self, command: Commands) -> None:
        """A proxy that clients would ask for it breaks them."""
        command.environment["HTTP_PROXY"] = "http://proxy.example:3128"
        assert one(findings(command, 1), "calls go through a proxy")["level"] == "breaks"


@pytest.mark.parametrize("name", ["ABEJA_EMULATOR_URL", "ABEJA_API_URL", "--url"])
def test_a_server_that_does_not_answer(command: Commands, name: str) -> None:
    """A variable, or the option, that leads to nobody is found."""
    arguments = [name, "http://127.0.0.1:9"] if name == "--url" else []
    if not arguments:
        command.environment[name] = "http://127.0.0.1:9"
    assert "no server answers" in one(findings(command, 1, *arguments), f"{name} says that a server is at")["why"]
