"""Notebooks of a job definition."""

from .kit import Kit
from .training_definitions import made_definition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNKNOWN = "1999999999999"

#: A notebook that was started is the one or, after a while, the other.
STARTED = ("Pending", "Active")


def created(kit: Kit, **settings: str) -> "Any":
    """Make a notebook of `definition`, and return the answer."""
    return kit.api("notebook").create_notebook(kit.organization, "definition", **settings)


def listed(kit: Kit, name: str = "definition") -> "list[str]":
    """Return the ids of the notebooks that are listed, which are as many as the definition counts."""
    answer = kit.api("notebook").get_notebooks(kit.organization, name)
    counted = kit.api("train").get_training_job_definition(kit.organization, name)["notebook_count"]
    assert answer["total"] == counted == len(answer["entries"])
    return [each["training_notebook_id"] for each in answer["entries"]]


def settled(notebook: "Any") -> "Any":
    """Return a notebook without what time alone changes."""
    return {name: value for name, value in notebook.items() if name not in ("status", "modified_at")}


def check_life_of_a_notebook(kit: Kit) -> None:
    """What is created is shown, listed and counted, and gone once it or its definition is deleted."""
    made_definition(kit)
    made_definition(kit, "other")
    api, organization = kit.api("notebook"), kit.organization
    assert listed(kit) == []
    first = created(kit, instance_type="cpu-2", image="abeja-inc/all-gpu:19.04")
    assert (first["status"], first["status_message"], first["name"]) == ("Pending", None, "notebook-1")
    assert (first["instance_type"], first["image"]) == ("cpu-2", "abeja-inc/all-gpu:19.04")
    second = created(kit)
    assert (second["instance_type"], second["notebook_type"], second["name"]) == ("cpu-1", "notebook", "notebook-2")
    for each in (first, second):
        got = api.get_notebook(organization, "definition", each["training_notebook_id"])
        assert settled(got) == settled(each)
        assert got["status"] in STARTED
    ids = [each["training_notebook_id"] for each in (second, first)]
    assert (listed(kit), listed(kit, "other")) == (ids, [])
    kit.refused(404, api.get_notebook, organization, "other", ids[0])
    assert api.delete_notebook(organization, "definition", ids[0]) == {"message": f"{ids[0]} deleted"}
    assert listed(kit) == ids[1:]
    kit.refused(404, api.get_notebook, organization, "definition", ids[0])
    kit.refused(404, api.delete_notebook, organization, "definition", ids[0])
    kit.api("train").delete_training_job_definition(organization, "definition")
    made_definition(kit)
    assert listed(kit) == []


def check_starting_and_stopping_a_notebook(kit: Kit) -> None:
    """It is stopped at once, can be started again, and cannot be what it is already."""
    made_definition(kit)
    api, organization = kit.api("notebook"), kit.organization
    notebook_id = created(kit)["training_notebook_id"]
    kit.refused(409, api.start_notebook, organization, "definition", notebook_id)
    assert api.stop_notebook(organization, "definition", notebook_id)["status"] == "Stopped"
    assert api.get_notebook(organization, "definition", notebook_id)["status"] == "Stopped"
    kit.refused(409, api.stop_notebook, organization, "definition", notebook_id)
    assert api.start_notebook(organization, "definition", notebook_id)["status"] == "Pending"
    assert api.get_notebook(organization, "definition", notebook_id)["status"] in STARTED
    for method in (api.start_notebook, api.stop_notebook, api.get_notebook_recent_logs):
        kit.refused(404, method, organization, "definition", UNKNOWN)


def check_changing_a_notebook(kit: Kit) -> None:
    """What is named changes, and nothing else."""
    made_definition(kit)
    api, organization = kit.api("notebook"), kit.organization
    made = created(kit)
    notebook_id = made["training_notebook_id"]
    changed = api.update_notebook(organization, "definition", notebook_id, instance_type="cpu-4")
    assert settled(changed) == dict(settled(made), instance_type="cpu-4")
    assert changed["modified_at"] > made["modified_at"]
    image = "abeja-inc/all-gpu:19.10"
    changed = api.update_notebook(organization, "definition", notebook_id, image=image)
    assert settled(changed) == dict(settled(made), instance_type="cpu-4", image=image)
    assert settled(api.get_notebook(organization, "definition", notebook_id)) == settled(changed)
    kit.refused(404, api.update_notebook, organization, "definition", UNKNOWN, image=image)


def check_types_of_notebooks(kit: Kit) -> None:
    """A notebook can be a lab from the beginning, by a change, or from a start on."""
    made_definition(kit)
    api, organization = kit.api("notebook"), kit.organization
    for method in (api.create_notebook, api.update_notebook, api.start_notebook):
        kit.takes(method, "notebook_type")
    notebook_id = created(kit, notebook_type="lab")["training_notebook_id"]

    def shown() -> str:
        return str(api.get_notebook(organization, "definition", notebook_id)["notebook_type"])

    assert shown() == "lab"
    api.update_notebook(organization, "definition", notebook_id, notebook_type="notebook")
    assert shown() == "notebook"
    api.stop_notebook(organization, "definition", notebook_id)
    api.start_notebook(organization, "definition", notebook_id, notebook_type="lab")
    assert shown() == "lab"


def check_the_log_of_a_notebook(kit: Kit) -> None:
    """Each start and stop is in it, the newest first; tokens follow it and go back in it."""
    made_definition(kit)
    api, organization = kit.api("notebook"), kit.organization
    notebook_id = created(kit)["training_notebook_id"]

    def lines(**token: str) -> "Any":
        page = api.get_notebook_recent_logs(organization, "definition", notebook_id, **token)
        return page, [event["message"] for event in page["events"]]

    page, first = lines()
    assert len(first) == 1
    assert "started" in first[0]
    api.stop_notebook(organization, "definition", notebook_id)
    later, new = lines(next_forward_token=page["next_forward_token"])
    assert len(new) == 1
    assert "stopped" in new[0]
    assert lines()[1] == new + first
    assert lines(next_backward_token=later["next_backward_token"])[1] == first
    assert lines(next_forward_token=later["next_forward_token"])[1] == []
    kit.refused(
        400, api.get_notebook_recent_logs, organization, "definition", notebook_id, next_forward_token="nonsense"
    )
