"""OpsBeeLLM: tags of histories."""

from .kit import Kit


def check_life_of_a_tag(kit: Kit) -> None:
    """What is created is shown, listed, changed, and gone once it is deleted."""
    api, organization = kit.api("opsbeellm.history"), kit.organization
    assert api.get_tags(organization)["tags"] == []
    made = api.create_tag(organization, "OK", "fine", "green")
    assert (made["name"], made["description"], made["color"]) == ("OK", "fine", "green")
    plain = api.create_tag(organization, "NG")
    assert (plain["description"], plain["color"]) == ("", "grey")
    assert api.get_tag(organization, made["id"]) == made
    assert api.get_tags(organization)["tags"] == [plain, made]
    part = api.get_tags(organization, offset=0, limit=1)
    assert (part["tags"], part["has_next"]) == ([plain], True)
    changed = api.update_tag(organization, made["id"], "good", "better", "blue")
    assert (changed["name"], changed["description"], changed["color"]) == ("good", "better", "blue")
    assert api.get_tag(organization, made["id"]) == changed
    told = api.delete_tag(organization, made["id"])
    assert told == {"message": "tag {} was deleted.".format(made["id"])}
    assert api.get_tags(organization)["tags"] == [plain]
    kit.refused(404, api.get_tag, organization, made["id"])
    kit.refused(404, api.update_tag, organization, made["id"], "again")
    kit.refused(404, api.delete_tag, organization, made["id"])


def check_tags_of_a_history(kit: Kit) -> None:
    """A history shows its tags as they are now, and one that is deleted no more; it takes none that there is not."""
    api, organization = kit.api("opsbeellm.history"), kit.organization
    deployment = kit.api("opsbeellm.deployment").create_deployment(organization, "faq", "qa")["id"]
    good, bad = (api.create_tag(organization, name)["id"] for name in ("OK", "NG"))
    history = api.create_qa_history(organization, deployment, "q", "a", tag_ids=[good])["id"]
    api.update_tag(organization, good, "fine", "", "blue")
    (shown,) = api.get_qa_history(organization, deployment, history)["tags"]
    assert (shown["name"], shown["color"]) == ("fine", "blue")
    changed = api.update_qa_history(organization, deployment, history, tag_ids=[bad, good])
    assert [each["id"] for each in changed["tags"]] == [bad, good]
    api.delete_tag(organization, bad)
    assert [each["id"] for each in api.get_qa_history(organization, deployment, history)["tags"]] == [good]
    kit.refused(400, api.create_qa_history, organization, deployment, "q", "a", tag_ids=[bad])
    kit.refused(400, api.update_qa_history, organization, deployment, history, tag_ids=[bad])
