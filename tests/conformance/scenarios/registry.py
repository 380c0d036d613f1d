"""Repositories of images and their tags."""

from .kit import Kit


def check_life_of_a_repository(kit: Kit) -> None:
    """What is created is shown and listed, its name is taken, and it is gone once it is deleted."""
    api, organization = kit.api("registry"), kit.organization
    assert api.get_repositories(organization)["registry_repositories"] == []
    made = api.create_repository(organization, "my-image", "an image")
    assert (made["name"], made["description"], made["tags"]) == ("my-image", "an image", [])
    assert made["organization_id"] == organization
    assert made["creator"]["role"] == "admin"
    assert api.get_repository(organization, made["id"]) == made
    listed = api.get_repositories(organization)
    assert listed["organization_id"] == organization
    assert [each["id"] for each in listed["registry_repositories"]] == [made["id"]]
    kit.refused(409, api.create_repository, organization, "my-image")
    assert api.delete_repository(organization, made["id"]) == made
    assert api.get_repositories(organization)["registry_repositories"] == []
    for method in (api.get_repository, api.delete_repository, api.get_repository_tags):
        kit.refused(404, method, organization, made["id"])
    assert api.create_repository(organization, "my-image")["description"] is None


def check_pages_of_repositories(kit: Kit) -> None:
    """Ten repositories at a time unless another number is named, and whether there are more."""
    api, organization = kit.api("registry"), kit.organization
    ids = [api.create_repository(organization, f"image-{number}")["id"] for number in range(12)]
    first = api.get_repositories(organization)
    assert [each["id"] for each in first["registry_repositories"]] == ids[:10]
    assert (first["limit"], first["offset"], first["has_next"]) == (10, 0, True)
    rest = api.get_repositories(organization, limit=5, offset=10)
    assert [each["id"] for each in rest["registry_repositories"]] == ids[10:]
    assert (rest["limit"], rest["offset"], rest["has_next"]) == (5, 10, False)
    kit.refused(400, api.get_repositories, organization, limit=0)


def check_names_of_repositories(kit: Kit) -> None:
    """A name is one that an image can have."""
    api, organization = kit.api("registry"), kit.organization
    for name in ("", "My-Image", "a/b", "a b"):
        kit.refused(400, api.create_repository, organization, name)
    assert api.get_repositories(organization)["registry_repositories"] == []


def check_tags_of_a_new_repository(kit: Kit) -> None:
    """A repository that nobody has pushed to has none."""
    api, organization = kit.api("registry"), kit.organization
    made = api.create_repository(organization, "my-image")
    page = api.get_repository_tags(organization, made["id"], limit=3, offset=0)
    assert (page["registry_repository_id"], page["tags"]) == (made["id"], [])
    assert (page["limit"], page["offset"], page["has_next"]) == (3, 0, False)
