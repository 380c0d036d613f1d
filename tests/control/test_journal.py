"""GET /_emulator/journal, and what is in no answer of the control API."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.wire.journal import Entry, Journal
from tests.control.steering import log, move, new_job, post_statistics
from tests.platform_calls import call, new_dataset

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from tests.control.steering import Steering


def entry(number: int) -> Entry:
    """Return the call with that number."""
    return Entry("GET", f"/{number}", "", None, 404, None, 0.0)


def follow(steer: Steering, query: str = "", after: int = 0) -> list[dict[str, Any]]:
    """Return all pages from there on as one."""
    found: list[dict[str, Any]] = []
    while True:
        page = steer("GET", f"/journal?after={after}{query}")
        if page["next"] == after:
            return found
        found, after = found + page["entries"], page["next"]


class TestPages:
    """Page after page."""

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_every_call_once(self, platform: Platform, steer: Steering, limit: int) -> None:
        """In order, with its number."""
        for number in range(5):
            call(platform, "GET", f"/{number}")
        seen = follow(steer, f"&limit={limit}")
        assert [(each["number"], each["path"]) for each in seen] == [(number + 1, f"/{number}") for number in range(5)]

    def test_entry(self, platform: Platform, steer: Steering) -> None:
        """What was asked, what was answered, when, and how that is known."""
        platform.clock.advance(3600)
        new_dataset(platform)
        call(platform, "GET", "/organizations/{org}/channels?limit=x")
        made, refused = follow(steer)
        assert (made["method"], made["status"], made["operation"], made["error"]) == (
            "POST",
            200,
            "create_dataset",
            None,
        )
        assert made["evidence"] in {"recorded", "client", "documented", "inferred"}
        assert (refused["query"], refused["status"]) == ("limit=x", 400)
        assert "limit" in refused["error"]
        assert made["at"] <= refused["at"] <= steer("GET", "/clock")["now"]
        assert made["at"] >= platform.look.datasets()[0].created_at[:19]

    def test_of_one_operation(self, platform: Platform, steer: Steering) -> None:
        """Only its calls; whoever follows them is led past the others, and misses none."""
        for number in range(6):
            new_dataset(platform, f"d{number}")
            call(platform, "GET", "/organizations/{org}/datasets")
            call(platform, "GET", "/nowhere")
        for limit in (1, 4, 100):
            seen = follow(steer, f"&limit={limit}&operation=create_dataset")
            assert [each["number"] for each in seen] == [1, 4, 7, 10, 13, 16]
        assert steer("GET", "/journal?operation=create_dataset")["next"] == 18
        assert steer("GET", "/journal?operation=never") == {"entries": [], "next": 18}

    def test_of_another_server(self, platform: Platform, steer: Steering) -> None:
        """A place that this journal never reached is one of the server before it: the follower begins anew."""
        assert steer("GET", "/journal?after=500") == {"entries": [], "next": 0}
        call(platform, "GET", "/a")
        assert [each["path"] for each in steer("GET", "/journal?after=500")["entries"]] == ["/a"]
        assert steer("GET", "/journal?after=1") == {"entries": [], "next": 1}

    def test_survives_a_reset(self, platform: Platform, steer: Steering) -> None:
        """What was asked is not undone with what came of it."""
        new_dataset(platform)
        steer("POST", "/reset")
        assert len(follow(steer)) == 1

    @pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", f"after={2**63}", "operations=a"])
    def test_bad(self, steer: Steering, query: str) -> None:
        """What is no place is refused."""
        steer.refused(400, "GET", f"/journal?{query}", "get_journal")

    def test_under_many_callers(self, platform: Platform, steer: Steering) -> None:
        """A follower sees each of the calls of several threads once, while they call."""
        threads = [threading.Thread(target=lambda: [call(platform, "GET", "/x") for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        seen: list[int] = []
        for thread in threads:
            while thread.is_alive():
                seen += [each["number"] for each in follow(steer, "&limit=50", seen[-1] if seen else 0)]
            thread.join()
        seen += [each["number"] for each in follow(steer, "&limit=50", seen[-1] if seen else 0)]
        assert seen == list(range(1, 801))


class TestNumbers:
    """The numbers of entries that threads may have entered in another order."""

    @given(st.integers(1, 60), st.data())
    def test_nothing_is_missed(self, count: int, data: st.DataObject) -> None:
        """Whatever the order in which neighbours are entered, a follower sees each once and in order."""
        journal, pending, seen = Journal(), list(range(1, count + 1)), list[int]()

        def look() -> None:
            begun = seen[-1] if seen else 0
            after, found = journal.numbered(begun)
            assert after == begun
            seen.extend(number for number, _ in found)

        while pending:
            number = pending.pop(data.draw(st.integers(0, min(3, len(pending) - 1))))
            journal._entries.append((number, entry(number)))
            if data.draw(st.booleans()):
                look()
        look()
        assert seen == list(range(1, count + 1))

    def test_forgotten(self) -> None:
        """What is remembered no more is passed over."""
        journal = Journal()
        journal._entries.extend((number, entry(number)) for number in range(5000, 5100))
        assert [number for number, _ in journal.numbered(10)[1]] == list(range(5000, 5100))

    def test_never_entered(self) -> None:
        """A number whose thread died before it entered its call holds nobody up for ever."""
        journal = Journal()
        journal._entries.extend((number, entry(number)) for number in range(1, 200) if number != 50)
        assert [number for number, _ in journal.numbered(0)[1]] == [number for number in range(1, 200) if number != 50]


class TestSecrets:
    """No token and no signature is in any answer."""

    def test_tokens(self, platform: Platform, steer: Steering) -> None:
        """Of the user, of a job, of one who was seeded: in a log, in statistics, in a path, in a refusal."""
        platform.seed.user("a-token-that-was-seeded")
        job = new_job(platform, "a-token-that-was-seeded")
        secrets = [
            "a-token-that-was-seeded",
            job.token,
            platform.credentials()["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"],
        ]
        assert set(secrets) <= set(platform.secrets())
        for secret in secrets:
            log(platform, job, f"my token is {secret}.", secret)
            post_statistics(platform, job, {secret: [{"deep": secret}]})
            call(platform, "GET", f"/{secret}?x={secret}")
            steer.refused(404, "GET", f"/jobs/{secret}/log")
        move(platform, job, "Failed", f"because of {secrets[0]}")
        pages = [f"/jobs/{job.training_job_id}/log", f"/jobs/{job.training_job_id}/statistics", "/jobs", "/journal"]
        texts = [steer.raw("GET", f"/_emulator{page}").text for page in pages]
        texts.append(steer.refused(404, "GET", f"/jobs/{secrets[0]}/log"))
        texts.append(steer.raw("GET", f"/_emulator/{secrets[1]}").text)
        for text in texts:
            assert "(hidden)" in text
            assert not [secret for secret in secrets if secret in text]
        assert steer("GET", pages[0])["lines"][0]["message"] == "my token is (hidden)."

    def test_of_another_organization(self, platform: Platform, steer: Steering) -> None:
        """Its jobs have tokens, too."""
        other = platform.seed.organization("other")
        job = new_job(platform, organization=other.id)
        log(platform, job, f"token {job.token}")
        call(platform, "GET", f"/{job.token}")
        assert steer("GET", f"/jobs/{job.training_job_id}/log")["lines"][0]["message"] == "token (hidden)"
        assert steer("GET", "/journal")["entries"][0]["path"] == "/(hidden)"

    def test_signatures(self, platform: Platform, steer: Steering) -> None:
        """A signed URL that a job wrote, and one that was called, with a wrong method too."""
        target, _ = platform.world.signer.sign("GET", "results", "1999999999999")
        signature = target.rpartition("=")[2]
        job = new_job(platform)
        log(platform, job, f"got http://127.0.0.1{target} and went on", target.replace("=", "%3D"))
        call(platform, "GET", target)
        call(platform, "DELETE", target)
        call(platform, "GET", f"/nowhere?a=1&signature={signature}")
        first, second = steer("GET", f"/jobs/{job.training_job_id}/log")["lines"]
        assert first["message"].endswith("signature=(hidden) and went on")
        assert signature not in second["message"]
        assert signature not in steer.raw("GET", "/_emulator/journal").text
        assert len(steer("GET", "/journal")["entries"]) == 3
