"""`serve`: what clients are told, who is kept out, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.cli.client import Client
from tests.cli.commands import SAMPLES, shell_environment
from tests.cli.jobs import make_job

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commands import Commands, Server

_COUNT_WITH_THE_SDK = """
from abeja.datasets import Client
print([(dataset.name, dataset.total_count) for dataset in Client().datasets.list()])
"""

VARIABLES = {
    "ABEJA_API_URL",
    "ABEJA_ORGANIZATION_ID",
    "ABEJA_PLATFORM_USER_ID",
    "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN",
}


def count_with_the_sdk(command: Commands, variables: dict[str, str]) -> str:
    """Return which datasets the SDK sees with these variables, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", _COUNT_WITH_THE_SDK],
        env=shell_environment(command.home, dict(variables)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_shell_can_read_the_variables(command: Commands) -> None:
    """What it prints, evaluated by a shell, leads the SDK to it, also where credentials are checked."""
    with command.start("serve", "--port", "0", "--seed", "points", "--auth", "strict") as process:
        lines = process.wait_for("ACCESS_TOKEN")
        shown = subprocess.run(
            ["sh", "-c", 'eval "$0"; exec "$1" -c "$2"', "\n".join(lines), sys.executable, _COUNT_WITH_THE_SDK],
            env=shell_environment(command.home, {}),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert shown.strip() == "[('points', 60)]"
        assert {line.partition("=")[0] for line in lines} == {f"export {name}" for name in VARIABLES}


def test_json(server: Server) -> None:
    """A program reads where it is, which process it is, and the variables."""
    assert set(server.variables) == VARIABLES
    assert server.variables["ABEJA_API_URL"] == server.url


class TestEnvFile:
    """`--env-file`."""

    def test_from_answer_to_end(self, command: Commands) -> None:
        """The file is for its owner alone, says what stdout says, and is gone once the server is."""
        path = command.folder / "env"
        with command.serve("--env-file", "env") as server:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            shown = subprocess.run(
                ["sh", "-c", ". ./env; env"], cwd=command.folder, capture_output=True, text=True, check=True
            )
            there = dict(line.partition("=")[::2] for line in shown.stdout.splitlines() if "=" in line)
            assert {name: there[name] for name in VARIABLES} == server.variables
            assert server.stop()[0] == 0
        assert not path.exists()
        assert list(command.folder.iterdir()) == []

    def test_not_before_it_answers(self, command: Commands, server: Server) -> None:
        """A server that cannot listen leaves the file that is there alone."""
        (command.folder / "env").write_text("of another", encoding="utf-8")
        command.refused("serve", "--port", server.url.rpartition(":")[2], "--env-file", "env", code=5)
        assert (command.folder / "env").read_text(encoding="utf-8") == "of another"

    def test_that_of_a_later_server_stays(self, command: Commands) -> None:
        """A server takes its own variables away, not those that another has written there since."""
        with command.serve("--env-file", "env") as first, command.serve("--env-file", "env") as second:
            assert first.stop()[0] == 0
            assert second.url in (command.folder / "env").read_text(encoding="utf-8")


class TestWhoIsKeptOut:
    """Addresses, ports and data that are not to be had."""

    def test_port_taken(self, command: Commands, server: Server) -> None:
        """A port that another process has ends it with 5."""
        port = server.url.rpartition(":")[2]
        said = command.refused("serve", "--port", port, code=5)
        assert f"another process listens on 127.0.0.1:{port}" in said
        assert "--port" in said

    def test_no_address_of_this_machine(self, command: Commands) -> None:
        """An address that is not this machine's cannot be listened on."""
        said = command("serve", "--host", "192.0.2.1", "--port", "0", "--i-know-who-can-reach-this", code=1).stderr
        assert "nothing can listen on 192.0.2.1:0" in said
        assert "Traceback" not in said

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "example.org"])
    def test_others_only_when_that_is_meant(self, command: Commands, host: str) -> None:
        """An address that others reach is refused with 2, and the sentence says what they could do."""
        said = command.refused("serve", "--host", host, "--port", "0", code=2)
        assert "runs code here as you" in said
        assert "--i-know-who-can-reach-this" in said

    def test_everybody_when_that_is_meant(self, command: Commands) -> None:
        """With the option it listens everywhere, warns, and tells clients of this machine an address they can use."""
        with command.serve("--host", "0.0.0.0", "--i-know-who-can-reach-this") as server:
            assert server.url.startswith("http://127.0.0.1:")
            code, said = server.stop()
        assert code == 0
        assert "warning: whoever reaches 0.0.0.0" in said

    def test_data_in_use(self, command: Commands) -> None:
        """A second server on the same data ends with 5, and so does a seed beside it."""
        with command.serve("--data", "data"):
            assert "is in use by process" in command.refused("serve", "--port", "0", "--data", "data", code=5)
            assert "is in use by process" in command.refused("seed", "points", "--data", "data", code=5)

    def test_data_of_something_else(self, command: Commands) -> None:
        """A folder that holds other things is not made a data directory."""
        (command.folder / "data").mkdir()
        (command.folder / "data" / "thesis.tex").touch()
        command.refused("serve", "--port", "0", "--data", "data", code=1)
        assert [path.name for path in (command.folder / "data").iterdir()] == ["thesis.tex"]


class TestEnd:
    """Signals."""

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
    def test_by_signal(self, command: Commands, number: signal.Signals, code: int) -> None:
        """SIGTERM is how it is meant to end; Ctrl-C says that a person did it. The port is free again at once."""
        with command.serve() as server:
            assert server.stop(number)[0] == code
            address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(address)

    def test_jobs_are_stopped(self, command: Commands, handlers: Path) -> None:
        """A job that runs is Stopped when the server ends, and still is when its data is served again."""
        with command.serve("--data", "data") as server:
            job = make_job(server, handlers, "train:stubborn")
            with Client(server.url) as client, command.start("logs", job, "--follow", "--url", server.url) as following:
                following.wait_for("it waits")
                assert client.health()["jobs_running"] == 1
            code, said = server.stop()
        assert code == 0
        assert "stopping 1 job" in said
        with command.serve("--data", "data") as server:
            (found,) = command.json("jobs", "--url", server.url)["jobs"]
        assert (found["training_job_id"], found["status"]) == (job, "Stopped")


class TestPlatform:
    """What is served."""

    def test_state_is_kept(self, command: Commands) -> None:
        """With `--data` everything is there again, the variables too; in memory nothing is."""
        with command.serve("--data", "data", "--organization", "labs", "--organization-id", "1102940376065") as server:
            before = server.variables
            command("seed", "points", "--url", server.url)
            assert server.stop()[0] == 0
        with command.serve("--data", "data") as server:
            after = server.variables
            assert count_with_the_sdk(command, after).strip() == "[('points', 60)]"
        assert before["ABEJA_ORGANIZATION_ID"] == "1102940376065"
        assert {**before, "ABEJA_API_URL": ""} == {**after, "ABEJA_API_URL": ""}

    def test_seed_file(self, command: Commands) -> None:
        """A seed file makes the organization, users, channels and datasets; it is put there once."""
        (command.folder / "seed.json").write_text(json.dumps(SEED), encoding="utf-8")
        with command.serve("--seed", "seed.json", "--data", "data", "--auth", "strict") as server:
            assert server.variables["ABEJA_ORGANIZATION_ID"] == "1102940376065"
            seen = {**server.variables, "ABEJA_PLATFORM_USER_ID": "", "PLATFORM_AUTH_TOKEN": "bearer-of-the-test"}
            assert count_with_the_sdk(command, seen).strip() == "[('two', 2)]"
            assert "seeded seed.json: 1 dataset, 2 items" in server.stop()[1]
        with command.serve("--seed", "seed.json", "--data", "data") as server:
            assert count_with_the_sdk(command, server.variables).strip() == "[('two', 2)]"
            assert "seed.json is left out: something is on the platform already" in server.stop()[1]

    def test_options_win_over_the_seed_file(self, command: Commands) -> None:
        """The organization of the command line is the one."""
        (command.folder / "seed.json").write_text(json.dumps(SEED), encoding="utf-8")
        with command.serve("--seed", "seed.json", "--organization-id", "1100000000042") as server:
            assert server.variables["ABEJA_ORGANIZATION_ID"] == "1100000000042"

    def test_a_broken_seed_file(self, command: Commands) -> None:
        """It says what is wrong before anything listens."""
        (command.folder / "seed.json").write_text('{"datasets": [{"sauce": "points"}]}', encoding="utf-8")
        assert "sauce" in command.refused("serve", "--port", "0", "--seed", "seed.json", code=1)


class TestWhoMayDoWhat:
    """`--auth strict` with users of a seed file, and `--enforce-cidrs`."""

    @staticmethod
    def call(server: Server, method: str, path: str, **arguments: Any) -> requests.Response:
        """Call the platform's API, with no credential but the one that is given."""
        url = f"{server.url}/organizations/{server.variables['ABEJA_ORGANIZATION_ID']}{path}"
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, url, timeout=30, **arguments)

    def test_users_of_a_seed_file(self, command: Commands) -> None:
        """Each has the id and the role that the file says; who has none of their tokens is told so."""
        (command.folder / "seed.json").write_text(json.dumps(PEOPLE), encoding="utf-8")
        dataset = {"name": "a", "type": "custom", "props": {}}
        with command.serve("--seed", "seed.json", "--auth", "strict") as server:
            named = self.call(server, "GET", "/datasets", auth=("user-1230000000003", "token-of-a-developer"))
            assert named.json() == []
            for user, token, statuses in (
                ("user-1230000000003", "token-of-a-developer", (200, 403)),
                ("user-1230000000004", "token-of-a-regular", (403, 403)),
                ("user-1230000000003", "token-of-a-regular", (401, 401)),
            ):
                made = self.call(server, "POST", "/datasets", auth=(user, token), json=dataset)
                listed = self.call(server, "POST", "/security/cidrs", auth=(user, token), json={"cidr": "10.0.0.0/8"})
                assert (made.status_code, listed.status_code) == statuses
            said = server.stop()[1]
        assert "developer@example.com is user-1230000000003, developer\n" in said
        assert "user@example.com is user-1230000000004, regular\n" in said

    def test_tokens_are_shown_nowhere(self, command: Commands) -> None:
        """Neither by the server nor by its control API, whatever is done with them; only its own in its variables."""
        (command.folder / "seed.json").write_text(json.dumps(PEOPLE), encoding="utf-8")
        with command.serve("--seed", "seed.json", "--auth", "strict") as server, Client(server.url) as client:
            self.call(server, "GET", "/datasets", auth=("user-1230000000003", "token-of-a-developer"))
            self.call(server, "GET", "/datasets", auth=("user-1230000000003", "token-of-a-regular"))
            self.call(server, "GET", "/datasets", headers={"Authorization": "token-of-a-regular"})
            self.call(server, "POST", "/datasets", auth=("user-1230000000004", "token-of-a-regular"), json={})
            shown = [json.dumps(client.control("GET", path)) for path in ("/health", "/journal", "/snapshots")]
            shown.append(json.dumps(client.control("PUT", "/snapshots/one")))
            shown += server.end(signal.SIGTERM)
        assert "needs the role" in shown[1]
        for token in ("token-of-a-developer", "token-of-a-regular", server.variables[TOKEN]):
            assert not [each for each in shown if token in each]

    def test_put_there_once(self, command: Commands) -> None:
        """Also when there is nothing but users, tokens or networks in the file."""
        for number, part in enumerate(({"users": PEOPLE["users"]}, {"bearer_tokens": ["a-b"]}, {"cidrs": ["::/0"]})):
            (command.folder / "seed.json").write_text(json.dumps(part), encoding="utf-8")
            for expected in ("seeded seed.json", "seed.json is left out: something is on the platform already"):
                with command.serve("--seed", "seed.json", "--data", f"data-{number}") as server:
                    assert expected in server.stop()[1]

    @pytest.mark.parametrize(("options", "status"), [((), 200), (("--enforce-cidrs",), 403)])
    def test_cidrs(self, command: Commands, options: tuple[str, ...], status: int) -> None:
        """With the option who calls from elsewhere is refused, and hears from where; without it nobody is."""
        (command.folder / "seed.json").write_text(json.dumps({"cidrs": ["192.0.2.0/24"]}), encoding="utf-8")
        with command.serve("--seed", "seed.json", *options) as server:
            answer = self.call(server, "GET", "/datasets", headers={"Authorization": "Bearer anybody"})
        assert answer.status_code == status
        assert (status == 403) == ("192.0.2.0/24 only, and this call comes from 127.0.0.1" in answer.text)

    def test_jobs_are_let_in(self, command: Commands, handlers: Path) -> None:
        """Whatever the list says: they run on the platform itself."""
        (handlers / "lists.py").write_text(LISTS, encoding="utf-8")
        with command.serve("--enforce-cidrs", "--auth", "strict", "--job-mode", "held") as server:
            job = make_job(server, handlers, "lists:handler")
            own = (server.variables["ABEJA_PLATFORM_USER_ID"], server.variables[TOKEN])
            made = self.call(server, "POST", "/security/cidrs", auth=own, json={"cidr": "192.0.2.0/24"})
            assert (made.status_code, self.call(server, "GET", "/datasets", auth=own).status_code) == (200, 403)
            with Client(server.url) as client:
                client.control("POST", f"/jobs/{job}/release")
            assert "it saw []" in command("logs", job, "--follow", "--url", server.url).stdout


class TestJobs:
    """How jobs run."""

    def test_held(self, command: Commands, handlers: Path) -> None:
        """In the mode `held` a job waits until it is let go."""
        with command.serve("--job-mode", "held") as server, Client(server.url) as client:
            job = make_job(server, handlers, "train:quick")
            assert command("jobs", "--url", server.url).stdout.count("Pending (waits)") == 1
            client.control("POST", f"/jobs/{job}/release")
            assert "it begins" in command("logs", job, "--follow", "--url", server.url).stdout

    def test_interpreter_of_an_image(self, command: Commands, handlers: Path) -> None:
        """`--image` says which Python runs an image; what it names is really started."""
        python = command.folder / "my-python"
        python.write_text(f'#!/bin/sh\necho "this is mine" >&2\nexec {sys.executable} "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        with command.serve("--image", f"custom/*={python}") as server:
            mine = make_job(server, handlers, "train:quick", image="custom/1102940376065/mine:1.0")
            other = make_job(server, handlers, "train:quick")
            logs = [command("logs", job, "-f", "--url", server.url).stdout for job in (mine, other)]
        assert ["this is mine" in log for log in logs] == [True, False]

    def test_allowed_hosts(self, command: Commands, handlers: Path) -> None:
        """A job may call a host only when the option says so."""
        (handlers / "calls.py").write_text(CALLS, encoding="utf-8")
        seen = []
        for options in ([], ["--allow-host", "weights.invalid"]):
            with command.serve(*options) as server:
                job = make_job(server, handlers, "calls:handler")
                seen.append(command.events("logs", job, "-f", "--url", server.url)[-1]["message"])
        assert seen == ["refused by the emulator", "no such host"]


#: Looks at the datasets.
LISTS = """
from abeja.datasets import Client


def handler(context):
    print("it saw {}".format(list(Client().datasets.list())))
"""

#: Calls a host; a name below `.invalid` is none anywhere.
CALLS = """
import http.client


def handler(context):
    try:
        http.client.HTTPConnection("weights.invalid", timeout=5).request("GET", "/")
    except OSError:
        print("no such host")
    except Exception:
        print("refused by the emulator")
"""

TOKEN = "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"

PEOPLE: dict[str, Any] = {
    "users": [
        {"token": "token-of-a-developer", "email": "developer@example.com", "role": "developer", "id": 1230000000003},
        {"token": "token-of-a-regular", "role": "regular", "id": "1230000000004"},
    ]
}

SEED: dict[str, Any] = {
    "organization": {"name": "my-org", "id": "1102940376065"},
    "users": [{"token": "secret-of-the-test", "email": "me@example.com"}],
    "bearer_tokens": ["bearer-of-the-test"],
    "channels": [{"name": "logs", "id": "1230000000001", "files": [str(SAMPLES / "README.md")]}],
    "datasets": [{"name": "two", "items": [{"content": "one", "label": "a"}, {"content": "two", "label": "b"}]}],
}
