"""A proxy says who answers, and brings late answers where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.results.rules import Results
from abeja_emulator.serving.messages import ModelAnswer
from abeja_emulator.serving.role_proxy import proxy_of
from abeja_emulator.serving.tokens import Tokens
from abeja_emulator.serving.variables import Role
from abeja_emulator.wire.messages import Request
from tests.serving.fake_model import FakeModel
from tests.serving.served import IMAGE

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


def test_a_late_answer_is_a_result_of_its_deployment(platform: Platform) -> None:
    """It comes with the identity of the role and by its credential."""
    world, organization = platform.world, platform.organization.id
    with world.store.transaction():
        deployment = Deployments(world).create(organization, "d", platform.user.id)
        version = Versions(world).create(deployment, "0.0.7", platform.user.id, image=IMAGE)
    role = Role(deployment, version, Tokens(platform).give(organization, platform.user.id), service_id="ser-1")
    said: list[str] = []
    proxy = proxy_of(role, platform, on_gone=lambda *_: None, log=said.append, timeout=lambda: 3.0)
    model = FakeModel(ModelAnswer(200, "application/json", {}, b"[1]"))
    proxy.add(model)
    headers = [("Content-Type", "application/json"), ("x-abeja-arms-async-request-id", "request-1")]
    response = proxy.handle(Request("POST", "/", headers=headers, body=b"[]"))
    proxy.close()
    assert (response.status, model.timeouts, said) == (202, [3.0], [])
    with world.store.reading():
        result = Results(world).get(deployment.deployment_id, "request-1")
    assert (result.status, result.size) == (200, 3)
    assert "0.0.7" in result.headers.values()
