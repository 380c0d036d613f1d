"""What docs/guide/abeja_server.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import asyncio
from urllib.parse import urlsplit


async def status_of(url, path, token):
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


def test_a_client_with_sockets_of_its_own(abeja, abeja_server, abeja_dataset):
    dataset = abeja_dataset("points")
    token = abeja.credentials()["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]
    path = f"/organizations/{abeja.organization.id}/datasets/{dataset}"

    assert asyncio.run(status_of(abeja_server, path, token)) == 200

    abeja.assert_called("get_dataset", times=1)
