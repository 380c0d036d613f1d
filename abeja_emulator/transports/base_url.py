"""The URLs under which a platform is addressed."""

from __future__ import annotations

from abeja_emulator.transports.child.abeja_emulator_child import join_host, split_url


class BaseUrl:
    """One such URL, for example the value of `ABEJA_API_URL`.

    Attributes:
        address: `host:port`; its subdomains belong to it.
        prefix: the path that stands before every path of the platform, without a final slash.
    """

    __slots__ = ("_host", "_port", "address", "prefix")

    def __init__(self, url: str) -> None:
        scheme, self._host, self._port, rest = split_url(url)
        if scheme not in {"http", "https"} or not self._host:
            message = f"{url!r} is not an http or https URL"
            raise ValueError(message)
        self.address = join_host(self._host, self._port)
        self.prefix = rest.partition("?")[0].partition("#")[0].rstrip("/")

    def strip(self, host: str, target: str) -> str | None:
        """Return the target without the prefix, or None when it is not below this URL."""
        name = host.partition(":")[0]
        if name != self._host and not name.endswith(f".{self._host}"):
            return None
        if not target.startswith(self.prefix):
            return None
        rest = target[len(self.prefix) :]
        if rest[:1] == "/":
            return rest
        return f"/{rest}" if rest[:1] in {"", "?"} else None


class BaseUrls:
    """All URLs with a path prefix of one platform."""

    __slots__ = ("_urls",)

    def __init__(self) -> None:
        self._urls: tuple[BaseUrl, ...] = ()

    def add(self, url: str) -> BaseUrl:
        """Add a URL and return what it says."""
        base = BaseUrl(url)
        if base.prefix:
            urls = {known.address + known.prefix: known for known in (*self._urls, base)}
            self._urls = tuple(sorted(urls.values(), key=lambda known: -len(known.prefix)))
        return base

    def __bool__(self) -> bool:
        return bool(self._urls)

    def strip(self, host: str, target: str) -> str:
        """Return the target as the platform knows it."""
        for url in self._urls:
            stripped = url.strip(host, target)
            if stripped is not None:
                return stripped
        return target
