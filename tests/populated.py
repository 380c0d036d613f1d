"""A platform with one of everything, so that made-up requests find something."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.platform_calls import BEARER, answer, call
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

ORGANIZATION = "/organizations/{organization_id}"
DEFINITION = ORGANIZATION + "/training/definitions/{job_definition_name}"
DEPLOYMENT = ORGANIZATION + "/deployments/{deployment_id}"
SECRET = "/secret-manager" + ORGANIZATION + "/secrets/{secret_id}"
OPSBEE = "/opsbee-llm" + ORGANIZATION

_FORM = ("Content-Type", "multipart/form-data; boundary=x")


class Populated:
    """Fills a platform, and knows what is on it.

    Attributes:
        platform: the platform.
        values: path that ends in a segment, `/organizations/{organization_id}/datasets/{dataset_id}` → what is there;
            it may be of several kinds, as deployments of OpsBeeLLM are.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.values: dict[str, list[str]] = {}
        for prefix in ("", "/labs", "/secret-manager", "/opsbee-llm"):
            self._put(prefix + ORGANIZATION, platform.organization.id)
            self._put(prefix + ORGANIZATION, platform.organization.name)
        self._data()
        self._training()
        self._models()
        self._serving()
        self._others()
        self._opsbeellm()

    def _make(self, path: str, data: Any, name: str, segment: str = "") -> str:
        """Create something at a collection, and note its id as the segment behind that."""
        made = answer(call(self.platform, "POST", self._concrete(path), data))
        return self._note(path, made, name, segment)

    def _send(self, path: str, file: str, parameters: dict[str, Any], name: str, segment: str = "") -> str:
        """The same with a form that has a file."""
        head = f'--x\r\nContent-Disposition: form-data; name="{file}"; filename="a.zip"\r\n\r\n'
        rest = '\r\n--x\r\nContent-Disposition: form-data; name="parameters"\r\n\r\n'
        body = head.encode() + zipped() + f"{rest}{json.dumps(parameters)}\r\n--x--\r\n".encode()
        made = answer(call(self.platform, "POST", self._concrete(path), None, BEARER, _FORM, body=body))
        return self._note(path, made, name, segment)

    def _note(self, path: str, made: dict[str, Any], name: str, segment: str) -> str:
        value = str(made[name])
        self._put(f"{path}/{{{segment or name}}}", value)
        return value

    def _put(self, path: str, value: str) -> None:
        self.values.setdefault(path, []).append(value)

    def _concrete(self, template: str) -> str:
        """Return a path with what was last put there in its segments."""
        ends = [found.end() for found in re.finditer(r"\{\w+\}", template)]
        path = template
        for prefix in (template[:end] for end in reversed(ends)):
            path = path[: prefix.rindex("{")] + self.values[prefix][-1] + path[len(prefix) :]
        return path

    def _data(self) -> None:
        dataset = ORGANIZATION + "/datasets"
        self._make(dataset, {"name": "flowers", "type": "custom", "props": {}}, "dataset_id")
        items = dataset + "/{dataset_id}/items"
        source = {"data_uri": "datalake://1/2", "data_type": "text/plain"}
        self._make(items, {"source_data": [source], "attributes": {"a": 1}}, "dataset_item_id")
        made = answer(call(self.platform, "POST", "/organizations/{org}/channels", {"storage_type": "datalake"}))
        channel = made["channel"]["channel_id"]
        file = answer(call(self.platform, "POST", f"/channels/{channel}/upload", body=b"content"))["file_id"]
        for prefix in (ORGANIZATION + "/channels", "/channels", "/_signed/files"):
            self._put(prefix + "/{channel_id}", channel)
            self._put(prefix + "/{channel_id}/{file_id}", file)
        datasource = self.platform.seed.datasource("camera").datasource_id
        self._put(ORGANIZATION + "/channels/{channel_id}/datasources/{datasource_id}", datasource)
        made = answer(call(self.platform, "POST", "/organizations/{org}/buckets", {"name": "things"}))
        bucket = made["bucket"]["bucket_id"]
        self._put(ORGANIZATION + "/buckets/{bucket_id}", bucket)
        files = ORGANIZATION + "/buckets/{bucket_id}/files"
        self._send(files, "file", {}, "file_id")
        self._put("/_signed/buckets/{bucket_id}", bucket)
        self._put("/_signed/buckets/{bucket_id}/{file_id}", self.values[files + "/{file_id}"][-1])

    def _training(self) -> None:
        made = answer(call(self.platform, "POST", "/organizations/{org}/training/definitions", {"name": "train"}))
        self._put(DEFINITION, "train")
        self._put("/_signed/sources/{job_definition_id}", made["job_definition_id"])
        parameters = {"handler": "train:handler"}
        self._send(DEFINITION + "/versions", "source_code", parameters, "job_definition_version", "version_id")
        self._put("/_signed/sources/{job_definition_id}/{version_id}", "1")
        job = self._make(DEFINITION + "/versions/{version_id}/jobs", {"exec_env": "local"}, "training_job_id")
        self._put(DEFINITION + "/jobs/{training_job_id}", job)
        self._put("/_signed/results/{training_job_id}", job)
        model = self._send(DEFINITION + "/models", "model_data", {}, "training_model_id", "model_id")
        self._put("/_signed/models/{model_id}", model)
        self._make(DEFINITION + "/notebooks", {}, "training_notebook_id", "notebook_id")

    def _models(self) -> None:
        models = ORGANIZATION + "/models"
        self._make(models, {"name": "reader"}, "model_id")
        new = {"version": "0.0.1", "image": "abeja-inc/all-cpu:19.10", "handler": "main:handler"}
        version = self._make(models + "/{model_id}/versions", new, "version_id")
        self._put("/_signed/model_sources/{version_id}", version)

    def _serving(self) -> None:
        deployment = self._make(ORGANIZATION + "/deployments", {"name": "reader"}, "deployment_id")
        self._put("/deployments/{deployment_id}", deployment)
        new = {"version": "0.0.1", "image": "abeja-inc/all-cpu:19.10", "handler": "main:handler"}
        version = self._make(DEPLOYMENT + "/versions", new, "version_id")
        self._put("/_signed/deployments/{deployment_id}", deployment)
        self._put("/_signed/deployments/{deployment_id}/{version_id}", version)
        service = self._make(DEPLOYMENT + "/services", {"version_id": version}, "service_id")
        self._make(
            DEPLOYMENT + "/endpoints", {"service_id": service, "custom_alias": "main"}, "endpoint_id", "endpoint"
        )
        self._make(DEPLOYMENT + "/runs", {"version_id": version, "input_data": {"$datalake:1": "1/2"}}, "run_id")
        channel = self.values["/channels/{channel_id}"][-1]
        trigger = {"version_id": version, "input_service_name": "datalake", "input_service_id": channel}
        self._make(DEPLOYMENT + "/triggers", trigger, "trigger_id")

    def _others(self) -> None:
        self._make(ORGANIZATION + "/registry/repositories", {"name": "images"}, "id", "repository_id")
        self._make(ORGANIZATION + "/security/cidrs", {"cidr": "10.0.0.0/8"}, "id", "cidr_id")
        secrets = SECRET.rpartition("/")[0]
        self._make(secrets, {"name": "key", "value": "c2VjcmV0"}, "id", "secret_id")
        self._make(SECRET + "/versions", {"value": "c2VjcmV0"}, "id", "version_id")

    def _opsbeellm(self) -> None:
        self._make(OPSBEE + "/datasets", {"name": "answers", "type": "qa"}, "id", "dataset_id")
        item = {"inputs": [{"input_text": "a"}], "outputs": [{"output_text": "b"}]}
        self._make(OPSBEE + "/datasets/{dataset_id}/items", item, "id", "item_id")
        self._make(OPSBEE + "/tags", {"name": "good"}, "id", "tag_id")
        asked = {"input_text": "a", "output_text": "b", "tag_ids": [self.values[OPSBEE + "/tags/{tag_id}"][-1]]}
        below = OPSBEE + "/deployments/{deployment_id}"
        for kind, histories in (("qa", "/qa_histories"), ("chat", "/threads/{thread_id}/histories")):
            self._make(OPSBEE + "/deployments", {"name": kind, "type": kind}, "id", "deployment_id")
            if kind == "chat":
                self._make(below + "/threads", {"name": "talk"}, "id", "thread_id")
            self._make(below + histories, asked, "id", "history_id")
            metadata = below + histories + "/{history_id}/metadata"
            self._make(metadata, {"key": "a", "value": "b"}, "id", "metadata_id")
