"""A model in this process, as a test asks it: answers of the platform's proxy, and a handler to look into."""

from __future__ import annotations

import json
import logging
import os
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from abeja.datalake import Client as DatalakeClient
from abeja.datasets import Client as DatasetsClient
from abeja.exceptions import Unauthorized

from abeja_emulator.runtime.handlers import HandlerError
from abeja_emulator.runtime.variables import VariableError
from abeja_emulator.serving.turns import TurnError

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.serving.served import Served

    Serve = Callable[..., Served]

pytest.importorskip("abejaruntime36.version", reason="the published runtime is not installed")

OLD = "abeja-inc/all-cpu:18.10"

#: Long enough for a slow machine; nothing waits so long that works.
PATIENCE = 60


def echo(request: Any, context: Any) -> dict[str, Any]:
    """Say what was asked."""
    parts = [
        {
            "form": part["form_name"],
            "file": part["file_name"],
            "type": part["content_type"],
            "body": part.read().decode(),
        }
        for part in request["contents"]
    ]
    said = {"method": request["http_method"], "type": request["content_type"], "parts": parts, "context": context}
    return {"content": said, "content_type": "application/json"}


def only_part(answer: Any) -> dict[str, Any]:
    (part,) = answer.json()["parts"]
    return dict(part)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write the text of a module, and return its path."""

    def write_module(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write_module


# -- requests and answers ---------------------------------------------------------------------------


def test_what_was_asked_arrives(abeja_serve: Serve) -> None:
    """By each method and with each kind of body."""
    served = abeja_serve(echo)
    assert only_part(served.post(json={"a": 1}))["body"] == '{"a": 1}'
    assert only_part(served.post(b"x", content_type="text/plain")) == {
        "form": None,
        "file": None,
        "type": "text/plain",
        "body": "x",
    }
    form = served.post(files={"image": ("a.png", b"png", "image/png")})
    assert only_part(form) == {"form": "image", "file": "a.png", "type": "image/png", "body": "png"}
    assert served.put(data={"a": 1}).json()["method"] == "PUT"
    asked = served.get(params={"q": "é"}).json()
    assert (asked["method"], asked["parts"][0]["body"]) == ("GET", "q=%C3%A9")
    assert served.request("post", json=1).json()["method"] == "POST"


def test_answers_are_those_of_the_proxy(abeja_serve: Serve, abeja: Platform) -> None:
    """Its headers say who answers: a deployment that is there, and a service."""
    served = abeja_serve(lambda *_: {"status_code": 202, "content": "x", "metadata": {"x-own": "1"}})
    answer = served.post(json={})
    assert (answer.status_code, answer.text, answer.headers["x-own"]) == (202, "x", "1")
    assert answer.headers["content-type"] == "text/plain"
    assert (answer.headers["x-abeja-model-version"], answer.headers["connection"]) == ("0.0.1", "close")
    deployment, service = answer.headers["x-abeja-deployment-id"], answer.headers["x-abeja-service-id"]
    assert [each.deployment_id for each in abeja.look.deployments()] == [deployment]
    assert served.url.endswith(f".api.abeja.io/deployments/{deployment}/services/{service}")


@pytest.mark.parametrize(("method", "options"), [("DELETE", {"json": 1}), ("POST", {"data": b"untyped"}), ("HEAD", {})])
def test_what_the_proxy_does_not_take(abeja_serve: Serve, method: str, options: dict[str, Any]) -> None:
    """501, and the handler knows nothing of it."""
    served = abeja_serve(lambda *_: 1 // 0)
    served.post(json={})
    assert isinstance(served.exception, ZeroDivisionError)
    assert served.request(method, **options).status_code == 501
    assert served.exception is None


def test_a_content_type_is_given_once(abeja_serve: Serve) -> None:
    with pytest.raises(TypeError, match="given twice: content_type='a/b', and in headers"):
        abeja_serve(echo).post(b"", content_type="a/b", headers={"content-type": "c/d"})


def test_health(abeja_serve: Serve) -> None:
    answer = abeja_serve(echo).health_check()
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_versions_are_numbered(abeja_serve: Serve, abeja: Platform) -> None:
    """One deployment for each name of a handler, one version for each time it is served."""
    versions = [abeja_serve(echo).post(json=1).headers["x-abeja-model-version"] for _ in range(2)]
    assert versions == ["0.0.1", "0.0.2"]
    assert [each.name for each in abeja.look.deployments()] == [f"{__name__}:echo"]


def test_an_asynchronous_request_is_answered_before_its_202(abeja_serve: Serve, abeja: Platform) -> None:
    """The platform has the result."""
    served = abeja_serve(echo)
    answer = served.post(json={"a": 1}, headers={"x-abeja-arms-async-request-id": "r-1"})
    assert (answer.status_code, answer.content) == (202, b"")
    (result,) = abeja.look.async_results()
    assert (result.request_id, result.status) == ("r-1", 200)
    assert served.post(json=1).status_code == 200


# -- exceptions -------------------------------------------------------------------------------------


def test_an_exception_of_the_handler(abeja_serve: Serve) -> None:
    """The answer says nothing of it; the test can look at it, and the log has the traceback."""

    def handler(request: Any, context: Any) -> Any:
        del context
        return {"content": json.loads(request.read())["label"]}

    served = abeja_serve(handler)
    answer = served.post(json={})
    assert (answer.status_code, answer.json()) == (500, {"status": "unexpected error occurred"})
    assert isinstance(served.exception, KeyError)
    assert "in handler\n" in served.log
    assert served.log.endswith("KeyError: 'label'")
    assert served.post(json={"label": "a"}).text == "a"
    assert served.exception is None


def test_an_answer_that_cannot_be_sent(abeja_serve: Serve) -> None:
    """The exception is the runtime's, and a hint is in the log; what the proxy cannot say is there as well."""
    answers = [5, {"status_code": 99}]
    served = abeja_serve(lambda *_: answers.pop(0))
    assert served.post(json={}).status_code == 500
    assert isinstance(served.exception, TypeError)
    assert "abeja-emulator: a model handler returns a dict" in served.log
    assert served.post(json={}).status_code == 500
    assert "abeja-emulator: the handler's answer was not sent: status_code is 99" in served.log


def test_a_handler_that_ends_its_process(abeja_serve: Serve) -> None:
    """Contact is lost; afterwards nobody is there."""
    served = abeja_serve(lambda *_: sys.exit(3))
    answer = served.post(json={})
    assert answer.json() == {"status": "Internal Server Error: unexpected error of communication with runtime"}
    assert isinstance(served.exception, SystemExit)
    assert (served.post(json={}).status_code, served.health_check().status_code) == (503, 503)
    assert "gone" in repr(served)


def test_what_is_the_persons_goes_on(abeja_serve: Serve) -> None:
    """A skip in a handler skips the test."""
    with pytest.raises(pytest.skip.Exception):
        abeja_serve(lambda *_: pytest.skip("no GPU")).post(json={})


# -- import -----------------------------------------------------------------------------------------


def test_an_import_that_fails_raises_in_the_test(abeja_serve: Serve, write: Callable[[str, str], Path]) -> None:
    """With a traceback that begins in the user's module, and nothing is left of it."""
    path = write("main.py", "def load():\n    raise ZeroDivisionError\nload()")
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError) as raised:
        abeja_serve(path)
    names = [entry.name for entry in raised.traceback if Path(entry.path) == path]
    shown = [entry for entry in raised.traceback if not entry.ishidden(raised)]
    assert names == ["<module>", "load"]
    assert [Path(entry.path).name for entry in shown] == ["test_served.py", "main.py", "main.py"]
    assert dict(os.environ) == before
    assert "main" not in sys.modules


def test_a_model_that_is_missing_at_import(
    abeja_serve: Serve, write: Callable[[str, str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which directory it was looked for in, and what to give."""
    path = write("main.py", "import os; open(os.environ['ABEJA_TRAINING_RESULT_DIR'] + '/model.h5')")
    (tmp_path / "result").mkdir()
    with pytest.raises(FileNotFoundError) as raised:
        abeja_serve(path, result_dir=tmp_path / "result")
    notes = [*getattr(raised.value, "__notes__", ()), *capsys.readouterr().err.splitlines()]
    (note,) = notes
    assert note.startswith("abeja-emulator: ABEJA_TRAINING_RESULT_DIR is")


@pytest.mark.parametrize(
    ("name", "sentence"), [("main:handle", "has no function 'handle'"), ("main", "not of the form")]
)
def test_a_handler_that_is_not_there(
    abeja_serve: Serve, write: Callable[[str, str], Path], name: str, sentence: str
) -> None:
    """A sentence, not a service that starts for ever."""
    source = write("main.py", "def handler(request, context): pass").parent
    with pytest.raises(HandlerError, match=sentence):
        abeja_serve(name, source=source)


# -- surroundings -----------------------------------------------------------------------------------


def test_variables_and_context(abeja_serve: Serve, abeja: Platform, write: Callable[[str, str], Path]) -> None:
    """At import and at each request, and not in the test."""
    text = """
        import os
        AT_IMPORT = dict(os.environ)
        def handler(request, context):
            return {"content": [AT_IMPORT, dict(os.environ), context]}
    """
    before = dict(os.environ)
    served = abeja_serve(write("main.py", text), environment={"A": 1}, context={"threshold": 0.5})
    at_import, at_request, context = map(json.loads, served.post(json={}).text.splitlines())
    for variables in (at_import, at_request):
        assert (variables["A"], variables["HANDLER"]) == ("1", "main:handler")
        assert variables["ABEJA_ORGANIZATION_ID"] == abeja.organization.id
        assert variables["ABEJA_SERVICE_ID"] in served.url
        assert "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN" not in variables
    assert context == {"threshold": 0.5}
    assert dict(os.environ) == before


def test_context_of_a_variable(abeja_serve: Serve) -> None:
    """As on the platform."""
    served = abeja_serve(echo, environment={"CONTEXT": '{"a": 1}'})
    assert served.post(json={}).json()["context"] == {"a": 1}
    with pytest.raises(VariableError, match="CONTEXT is '1', which is no JSON object"):
        abeja_serve(echo, environment={"CONTEXT": "1"})


def test_the_model_of_a_job(abeja_serve: Serve, abeja_train: Callable[..., TrainedJob]) -> None:
    """Its result directory is the job's, and the variables say which job it was, and of which datasets."""

    def train(context: Any) -> None:
        del context
        Path(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.h5").write_text("weights")

    def handler(request: Any, context: Any) -> Any:
        del request, context
        model = Path(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.h5").read_text()
        return {"content": [model, os.environ["TRAINING_JOB_ID"], os.environ["TRAINING_JOB_DATASETS"]]}

    job = abeja_train(train, datasets={"train": "points"})
    answer = abeja_serve(handler, result_dir=job).post(json={})
    assert answer.text.splitlines() == ["weights", job.id, json.dumps(job.datasets)]


def test_without_a_model_it_is_the_result_of_the_current_job(abeja_serve: Serve, abeja_result_dir: Path) -> None:
    """What a test writes there is there."""
    (abeja_result_dir / "model.h5").write_text("mine")
    served: Served = abeja_serve(lambda *_: {"content": (served.result_dir / "model.h5").read_text()})
    assert served.post(json={}).text == "mine"


def test_logging_that_is_set_up_at_import(abeja_serve: Serve, write: Callable[[str, str], Path]) -> None:
    """It is in the log of the model, and the test's own logging is as before."""
    text = """
        import logging
        logging.basicConfig(level="INFO", format="%(levelname)s %(message)s")
        logging.info("loaded")
        def handler(request, context):
            logging.info("asked")
            return {}
    """
    handlers = list(logging.getLogger().handlers)
    served = abeja_serve(write("main.py", text))
    served.post(json={})
    assert served.log.splitlines() == ["INFO loaded", "INFO asked"]
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize("chosen", [{"image": OLD}, {}])
@pytest.mark.abeja(image="abeja-inc/all-cpu:19.10")
def test_the_image_decides_how_a_handler_is_called(abeja_serve: Serve, chosen: dict[str, str]) -> None:
    """One of 18.10 yields."""

    def old(iterator: Any, context: Any) -> Any:
        del context
        for data in iterator:
            yield {"sum": sum(data)}

    answer = abeja_serve(old, **chosen).post(json=[1, 2])
    assert (answer.status_code, answer.text) == ((200, '{"sum": 3}') if chosen else (500, answer.text))


# -- what a handler does with the platform ----------------------------------------------------------


@pytest.mark.abeja(auth="strict", jobs="held")
def test_a_handler_reaches_the_platform(
    abeja: Platform,
    abeja_serve: Serve,
    abeja_dataset: Callable[..., str],
    abeja_train: Callable[..., TrainedJob],
    write: Callable[[str, str], Path],
) -> None:
    """With clients made at import, and credentials of its own, which are worth nothing afterwards."""
    job = abeja_train(lambda _: None)
    channel = abeja.seed.channel("mine")
    text = """
        import os
        from abeja.datalake import Client as DatalakeClient
        from abeja.datasets import Client as DatasetsClient
        from abeja.training import APIClient
        ORGANIZATION = os.environ["ABEJA_ORGANIZATION_ID"]
        DATASETS, DATALAKE, TRAINING = DatasetsClient(), DatalakeClient(), APIClient()
        def handler(request, context):
            asked = request["http_headers"]
            dataset = DATASETS.get_dataset(asked["x-dataset"])
            channel = DATALAKE.get_channel(asked["x-channel"])
            file = channel.upload(b"content", "text/plain")
            job = TRAINING.create_training_job(ORGANIZATION, asked["x-definition"], 1)
            said = {"total": dataset.total_count, "file": file.file_id, "job": job["training_job_id"]}
            return {"content": {**said, "token": os.environ["PLATFORM_AUTH_TOKEN"]}}
    """
    headers = {"x-dataset": str(abeja_dataset("points")), "x-channel": str(channel), "x-definition": job.definition}
    with abeja_serve(write("main.py", text)) as served:
        answer = served.post(json={}, headers=headers)
        assert answer.status_code == 200, served.log
        said = answer.json()
        assert said["total"] == 60
        assert DatalakeClient().get_channel(str(channel)).get_file(said["file"]).get_content() == b"content"
        assert abeja.look.job(said["job"]).status == "Pending"
        theirs = DatasetsClient(credential={"auth_token": said["token"]})
        assert theirs.get_dataset(headers["x-dataset"]).total_count == 60
    with pytest.raises(Unauthorized):
        theirs.get_dataset(headers["x-dataset"])


# -- several models ---------------------------------------------------------------------------------


def test_a_handler_that_asks_another_model(abeja_serve: Serve, write: Callable[[str, str], Path]) -> None:
    """Each has its own variables and its own log."""
    text = """
        import os
        def handler(request, context):
            print(os.environ["NAME"])
            return {"content": os.environ["NAME"]}
    """
    inner = abeja_serve(write("main.py", text), environment={"NAME": "inner"})

    def outer(request: Any, context: Any) -> Any:
        del request, context
        print("before")
        said = inner.post(json={}).text
        print("after", os.environ["NAME"])
        return {"content": said}

    asks = abeja_serve(outer, environment={"NAME": "outer"})
    assert asks.post(json={}).text == "inner"
    assert asks.log.splitlines() == ["before", "after outer"]
    assert inner.log.splitlines() == ["inner"]


def test_a_handler_that_asks_others_in_threads(abeja_serve: Serve) -> None:
    """At each request, with one pool."""
    names = [
        abeja_serve(lambda *_: {"content": os.environ["NAME"]}, environment={"NAME": name}) for name in ("a", "b", "c")
    ]
    with ThreadPoolExecutor(3) as pool:

        def handler(request: Any, context: Any) -> Any:
            del request, context
            futures = [pool.submit(model.post, json={}) for model in names]
            return {"content": "".join(future.result(PATIENCE).text for future in futures)}

        served = abeja_serve(handler)
        assert [served.post(json={}).text for _ in range(3)] == ["abc"] * 3


def test_a_handler_that_asks_itself(abeja_serve: Serve) -> None:
    """It is told, rather than that it waits for ever."""
    served: Served = abeja_serve(lambda *_: {"content": served.post(json={}).text})
    assert served.post(json={}).status_code == 500
    assert isinstance(served.exception, TurnError)
    assert "is asked by its own handler" in str(served.exception)


def test_many_threads_ask(abeja_serve: Serve) -> None:
    """One after the other, each with its own answer."""
    inside = [0]

    def handler(request: Any, context: Any) -> Any:
        del context
        inside[0] += 1
        assert inside[0] == 1, "two at once"
        inside[0] -= 1
        return {"content": request.read().decode()}

    models = [abeja_serve(handler) for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda number: models[number % 3].post(json=number).text, range(60)))
    assert texts == [str(number) for number in range(60)]


# -- its end ----------------------------------------------------------------------------------------


def test_a_closed_model(abeja_serve: Serve) -> None:
    """It says so; its log can still be read, and its cache is gone."""
    storage: list[Path] = []

    def handler(request: Any, context: Any) -> Any:
        del request, context
        storage.append(Path(os.environ["ABEJA_STORAGE_DIR_PATH"]))
        print("asked")
        return {}

    with abeja_serve(handler) as served:
        assert "ready" in repr(served)
        served.post(json={})
        assert storage[0].is_dir()
    for ask in (served.get, served.health_check):
        with pytest.raises(RuntimeError, match="is served no more; ask it within the test"):
            ask()
    assert (served.log, storage[0].parent.exists()) == ("asked", False)
    assert "closed" in repr(served)
    served.close()


@pytest.mark.parametrize("raised", [KeyboardInterrupt, pytest.skip.Exception, pytest.fail.Exception])
def test_what_is_the_persons_ends_no_model(
    abeja_serve: Callable[..., Served], raised: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    """A fixture of wider scope may serve it: the next test asks it, too."""
    raising = [True]

    def handler(request: Any, context: Any) -> dict[str, Any]:
        if raising.pop():
            raise raised
        return {"content": "fine"}

    raising.insert(0, False)
    served = abeja_serve(handler)
    with pytest.raises(raised):
        served.post(json={})
    assert served.post(json={}).text == "fine"
    assert "not asked again" not in served.log + capsys.readouterr().err
