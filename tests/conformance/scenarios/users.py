"""Users, as other objects show them."""

import os

from .kit import Kit
from .training_jobs import shown
from .training_objects import held, made


def check_creator_of_a_job(kit: Kit) -> None:
    """It is the user whose credential made the job, with name, address and pictures as the platform tells them."""
    jobs = [held(kit, made(kit, name)) for name in ("definition", "other")]
    users = [each.creator for each in jobs]
    assert users[0] == users[1]
    wanted = os.environ["ABEJA_PLATFORM_USER_ID"].replace("user-", "")
    assert [each.user_id for each in users] == [wanted, wanted]
    told = shown(kit, jobs[0].job_id)["creator"]
    user, icon = users[0], users[0].profile_icon
    for name in ("id", "email", "display_name", "preferred_language", "created_at", "updated_at"):
        assert getattr(user, name) == told[name]
    for name in ("original_icon_url", "thumbnail_icon_url", "mini_icon_url"):
        assert getattr(icon, name) == told["profile_icon"][name]


def check_users_are_read_as_they_are_told(kit: Kit) -> None:
    """A user and a picture are read from the answer about a job, and nobody is nobody."""
    users = kit.module("user")
    told = shown(kit, held(kit, made(kit)).job_id)["creator"]
    user = users.User.from_response(told)
    assert user.user_id == told["id"]
    assert users.ProfileIcon.from_response(told["profile_icon"]) == user.profile_icon
    assert users.User.from_response(None) is None
    assert users.ProfileIcon.from_response(None) is None
