"""Histories through the SDK, in the same words for both types of deployment."""

from __future__ import annotations

from typing import Any

from abeja.opsbeellm.deployment import APIClient as DeploymentAPI
from abeja.opsbeellm.history import APIClient as HistoryAPI

TOP = "/opsbee-llm/organizations/{org}"


class Histories:
    """The histories of a new deployment; in a `chat` one they go into its first thread.

    Attributes:
        type: of the deployment.
        deployment: id of the deployment.
        thread: id of the thread.
        path: path of the deployment.
        all: path of the histories, to list them.
        path_of_one: path of the histories, to make one and to ask for one.
    """

    def __init__(self, organization: str, type_: str) -> None:
        self.api, self.organization, self.type = HistoryAPI(), organization, type_
        self.deployment = DeploymentAPI().create_deployment(organization, f"a {type_}", type_)["id"]
        self.path = f"{TOP}/deployments/{self.deployment}"
        if type_ == "qa":
            (thread,) = self.api.get_threads(organization, self.deployment)["threads"]
            self._place: tuple[str, ...] = (organization, self.deployment)
            self.all = self.path_of_one = self.path + "/qa_histories"
        else:
            thread = self.api.create_thread(organization, self.deployment, "first")
            self._place = (organization, self.deployment, thread["id"])
            self.all = self.path + "/histories"
            self.path_of_one = f"{self.path}/threads/{thread['id']}/histories"
        self.thread = thread["id"]

    def create(self, input_text: str | None = "q", output_text: str | None = "a", *args: Any, **kwargs: Any) -> Any:
        """Create a history."""
        return self._method("create", "history")(*self._place, input_text, output_text, *args, **kwargs)

    def get(self, history_id: str) -> Any:
        """Return a history."""
        return self._method("get", "history")(*self._place, history_id)

    def update(self, history_id: str, **change: Any) -> Any:
        """Change a history."""
        return self._method("update", "history")(*self._place, history_id, **change)

    def delete(self, history_id: str) -> Any:
        """Delete a history."""
        return self._method("delete", "history")(*self._place, history_id)

    def listed(self, search_query: str | None = None, **query: Any) -> Any:
        """List histories."""
        return self._method("get", "histories")(*self._place[:2], search_query, **query)

    def texts(self, search_query: str | None = None, **query: Any) -> list[str]:
        """Return what was asked in each history of a list."""
        return [each["input_text"] for each in self.listed(search_query, **query)["histories"]]

    def add_metadata(self, history_id: str, key: str, value: str) -> Any:
        """Give a history a key and a value."""
        return self._method("create", "history_metadata")(*self._place, history_id, key, value)

    def change_metadata(self, history_id: str, metadata_id: str, key: str, value: str) -> Any:
        """Change a key and a value of a history."""
        return self._method("update", "history_metadata")(*self._place, history_id, metadata_id, key, value)

    def delete_metadata(self, history_id: str, metadata_id: str) -> Any:
        """Delete a key and its value of a history."""
        return self._method("delete", "history_metadata")(*self._place, history_id, metadata_id)

    def add_to_dataset(self, dataset_id: str, history_ids: list[str]) -> Any:
        """Add histories to a dataset."""
        return getattr(self.api, f"add_{self.type}_histories_to_dataset")(*self._place[:2], dataset_id, history_ids)

    def _method(self, verb: str, kind: str) -> Any:
        return getattr(self.api, f"{verb}_{self.type}_{kind}")
