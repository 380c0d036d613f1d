"""OpsBeeLLM: deployments and their threads."""

from .kit import Kit


def check_life_of_a_deployment(kit: Kit) -> None:
    """What is created is shown, listed, changed, and gone once it is deleted."""
    api, organization = kit.api("opsbeellm.deployment"), kit.organization
    made = api.create_deployment(organization, "support", "chat", "for users")
    assert (made["name"], made["type"], made["description"]) == ("support", "chat", "for users")
    assert made["history_count"] == 0
    assert api.get_deployment(organization, made["id"]) == made
    changed = api.update_deployment(organization, made["id"], "help")
    assert (changed["name"], changed["type"], changed["description"]) == ("help", "chat", "")
    assert api.get_deployments(organization)["deployments"] == [changed]
    told = api.delete_deployment(organization, made["id"])
    assert told == {"message": "deployment {} was deleted.".format(made["id"])}
    assert api.get_deployments(organization)["deployments"] == []
    kit.refused(404, api.get_deployment, organization, made["id"])
    kit.refused(404, api.delete_deployment, organization, made["id"])


def check_parts_of_the_list(kit: Kit) -> None:
    """Newest first; each part says whether there is more behind it."""
    api, organization = kit.api("opsbeellm.deployment"), kit.organization
    made = [api.create_deployment(organization, name, "qa")["id"] for name in ("a", "b", "c")]
    part = api.get_deployments(organization, offset=1, limit=1)
    assert [each["id"] for each in part["deployments"]] == [made[1]]
    assert (part["offset"], part["limit"], part["has_next"]) == (1, 1, True)


def check_threads(kit: Kit) -> None:
    """Threads of a chat are created, listed with their number, renamed, and deleted with their histories."""
    deployments, api, organization = kit.api("opsbeellm.deployment"), kit.api("opsbeellm.history"), kit.organization
    chat = deployments.create_deployment(organization, "support", "chat")["id"]
    assert api.get_threads(organization, chat)["total"] == 0
    first = api.create_thread(organization, chat, "A to B", "long ago")
    second = api.create_thread(organization, chat, "A to C")
    assert (first["name"], first["description"], first["deployment_id"]) == ("A to B", "long ago", chat)
    assert api.get_thread(organization, chat, first["id"]) == first
    assert api.get_threads(organization, chat)["threads"] == [second, first]
    part = api.get_threads(organization, chat, limit=1)
    assert (part["threads"], part["total"], part["has_next"]) == ([second], 2, True)
    history = api.create_chat_history(organization, chat, first["id"], "q", "a")
    assert history["thread_name"] == "A to B"
    api.update_thread(organization, chat, first["id"], "A to D", "now")
    assert api.get_chat_history(organization, chat, first["id"], history["id"])["thread_name"] == "A to D"
    told = api.delete_thread(organization, chat, first["id"])
    assert told == {"message": "thread {} was deleted.".format(first["id"])}
    assert api.get_threads(organization, chat)["threads"] == [second]
    assert deployments.get_deployment(organization, chat)["history_count"] == 0
    kit.refused(404, api.get_thread, organization, chat, first["id"])
    kit.refused(404, api.get_chat_history, organization, chat, first["id"], history["id"])


def check_thread_of_questions(kit: Kit) -> None:
    """A deployment for questions has one thread, which all of its histories are in, and takes no other."""
    deployments, api, organization = kit.api("opsbeellm.deployment"), kit.api("opsbeellm.history"), kit.organization
    qa = deployments.create_deployment(organization, "faq", "qa")["id"]
    (thread,) = api.get_threads(organization, qa)["threads"]
    history = api.create_qa_history(organization, qa, "q", "a")
    assert (history["thread_id"], history["thread_name"]) == (thread["id"], thread["name"])
    assert api.get_qa_histories(organization, qa)["thread_id"] == thread["id"]
    kit.refused(400, api.create_thread, organization, qa, "another")
    kit.refused(400, api.delete_thread, organization, qa, thread["id"])


def check_delete_a_deployment_with_all_in_it(kit: Kit) -> None:
    """Threads and histories go with their deployment."""
    deployments, api, organization = kit.api("opsbeellm.deployment"), kit.api("opsbeellm.history"), kit.organization
    chat = deployments.create_deployment(organization, "support", "chat")["id"]
    thread = api.create_thread(organization, chat, "A to B")["id"]
    history = api.create_chat_history(organization, chat, thread, "q", "a")["id"]
    assert deployments.get_deployment(organization, chat)["history_count"] == 1
    deployments.delete_deployment(organization, chat)
    kit.refused(404, api.get_threads, organization, chat)
    for path in ("/threads/" + thread, "/histories", "/threads/{}/histories/{}".format(thread, history)):
        answer = kit.http("GET", "/opsbee-llm/organizations/{org}/deployments/" + chat + path)
        assert answer.status == 404, (path, answer.body)
