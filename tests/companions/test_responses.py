"""responses next to a Platform: `abeja_responses`, and a user's own activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

responses = pytest.importorskip("responses")

from tests.companions.sdk_calls import contents_of  # noqa: E402 - below the line that asks for the library

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob

THEIRS = "https://third.example/hook"


def handler(context: Any) -> None:
    """Read a dataset of the platform and tell a third party."""
    contents = contents_of(context["datasets"]["train"])
    requests.post(THEIRS, json={"count": len(contents)}, timeout=5).raise_for_status()


def test_a_job_talks_to_a_third_party_and_to_the_platform(
    abeja_responses: Any, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]
) -> None:
    """The one is stubbed and seen in `calls`, the other answers."""
    hook = abeja_responses.post(THEIRS, json={"ok": True})
    job = abeja_train(handler, datasets={"train": abeja_dataset([(b"red", "a")])})

    assert job.status == "Complete", job.log
    assert [call.request.body for call in hook.calls] == [b'{"count": 1}']
    assert len(abeja_responses.calls) == 1


def test_what_is_not_stubbed_is_refused_by_the_library(abeja_responses: Any, abeja: Platform) -> None:
    """With its own error, which says what is stubbed; it is no call that was about to leave the machine."""
    abeja_responses.assert_all_requests_are_fired = False
    abeja_responses.get(THEIRS)
    with pytest.raises(requests.ConnectionError, match=r"(?s)Connection refused by Responses.*third\.example"):
        requests.get("https://fourth.example/", timeout=5)


def test_an_outage_of_the_platform_can_be_stubbed(abeja_responses: Any, abeja: Platform) -> None:
    """A stub comes first, once; the call after it reaches the platform."""
    datasets: Any = pytest.importorskip("abeja.datasets")
    exceptions: Any = pytest.importorskip("abeja.exceptions")
    path = f"https://api.abeja.io/organizations/{abeja.organization.id}/datasets"
    stub = abeja_responses.get(path, status=403, json={"error": "forbidden", "error_description": "not today"})
    with pytest.raises(exceptions.Forbidden, match="not today"):
        list(datasets.Client().datasets.list())
    abeja_responses.assert_call_count(path, 1)
    abeja_responses.remove(stub)
    assert list(datasets.Client().datasets.list()) == []


def test_a_stub_that_is_never_called_fails_the_test(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """Unless the test says otherwise; the next test starts without stubs either way."""
    pytester.makepyfile(
        """
        import requests

        SEND = requests.adapters.HTTPAdapter.send

        def test_strict(abeja_responses):
            abeja_responses.get("https://third.example/")

        def test_lenient(abeja_responses):
            assert abeja_responses.registered() == []
            abeja_responses.get("https://third.example/")
            abeja_responses.assert_all_requests_are_fired = False

        def test_afterwards():
            assert requests.adapters.HTTPAdapter.send is SEND
        """
    )
    result = run()
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*Not all requests have been executed*third.example*"])


def test_a_users_own_activations(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """On functions, methods and coroutines, again and again, as contexts, beside the fixture, in jobs."""
    pytester.makepyfile(
        """
        import pytest, requests, responses
        from abeja.datasets import Client

        def platform():
            return [each.name for each in Client().datasets.list()]

        def theirs():
            return requests.get("https://third.example/", timeout=5).text

        @responses.activate
        @pytest.mark.parametrize("number", range(3))
        def test_decorated(abeja, number):
            abeja.seed.dataset([], f"seeded {number}")
            assert platform() == [f"seeded {number}"]
            responses.get("https://third.example/", body="stub")
            assert theirs() == "stub"
            with pytest.raises(requests.ConnectionError, match="refused by Responses"):
                requests.get("https://fourth.example/", timeout=5)

        class TestMethods:
            @responses.activate(assert_all_requests_are_fired=True)
            def test_first(self, abeja):
                assert platform() == []

            @responses.activate(registry=responses.registries.OrderedRegistry)
            def test_second(self, abeja):
                assert platform() == []

        def test_contexts(abeja):
            for _ in range(3):
                with responses.RequestsMock() as mock:
                    mock.get("https://third.example/", body="stub")
                    assert theirs() == "stub"
                    assert platform() == []

        @responses.activate
        def test_both(abeja_responses):
            assert platform() == []
            responses.get("https://third.example/", body="stub")
            assert theirs() == "stub"

        def test_in_a_job(abeja_train):
            @responses.activate
            def handler(context):
                responses.get("https://third.example/", body="stub")
                assert theirs() == "stub"
                assert platform() == []
            for _ in range(2):
                job = abeja_train(handler)
                assert job.status == "Complete", job.log

        @responses.activate
        def test_without_a_platform(request):
            if request.config.getoption("abeja_emulate"):
                assert platform() == []
            else:
                with pytest.raises(requests.ConnectionError, match="refused by Responses"):
                    requests.get("https://api.abeja.io/", timeout=5)
        """
    )
    run().assert_outcomes(passed=9)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")
@pytest.mark.parametrize("fixtures", [("abeja_s3", "abeja_responses"), ("abeja_responses", "abeja_s3")])
@pytest.mark.parametrize("own", [False, True])
def test_with_moto_each_has_its_own_hosts(
    request: pytest.FixtureRequest, abeja_dataset: Callable[..., str], fixtures: tuple[str, str], own: bool
) -> None:
    """In either order, also under one more mock of AWS: signed URLs, stubs and the platform."""
    moto: Any = pytest.importorskip("moto")
    pytest.importorskip("boto3")
    send = requests.adapters.HTTPAdapter.send
    made = {name: request.getfixturevalue(name) for name in fixtures}
    client, stubs = made["abeja_s3"], made["abeja_responses"]

    def check() -> None:
        client.create_bucket(Bucket="models")
        client.put_object(Bucket="models", Key="key", Body=b"content")
        url = client.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": "key"})
        stubs.get(THEIRS, body=b"stub")
        assert requests.get(url, timeout=5).content == b"content"
        assert requests.get(THEIRS, timeout=5).content == b"stub"
        assert contents_of(abeja_dataset([(b"red", "a")])) == [b"red"]
        with pytest.raises(requests.ConnectionError, match="refused by Responses"):
            requests.get("https://fourth.example/", timeout=5)

    if own:
        with moto.mock_aws():
            check()
    else:
        check()
    assert requests.adapters.HTTPAdapter.send is not send


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")
def test_with_moto_nothing_is_left(abeja: Platform) -> None:
    """A mock of AWS that was there first is there afterwards, and hands on to the network again."""
    moto: Any = pytest.importorskip("moto")
    models: Any = pytest.importorskip("moto.core.models")
    from abeja_emulator.companions.stubs import stubbed

    send = requests.adapters.HTTPAdapter.send
    with moto.mock_aws():
        with pytest.raises(AssertionError, match="Not all requests"), stubbed() as mock:
            mock.get(THEIRS)
        assert requests.adapters.HTTPAdapter.send is not send
        assert models.responses_mock._real_send is send
    assert requests.adapters.HTTPAdapter.send is send
