"""Base URLs and their path prefixes."""

from __future__ import annotations

import pytest

from abeja_emulator.transports.base_url import BaseUrl, BaseUrls


@pytest.mark.parametrize(
    ("url", "address", "prefix"),
    [
        ("https://gateway.example.com/abeja/", "gateway.example.com:443", "/abeja"),
        ("http://localhost:8080", "localhost:8080", ""),
        ("http://Localhost/", "localhost:80", ""),
        ("http://[::1]:80/a/b?c", "[::1]:80", "/a/b"),
    ],
)
def test_a_url_says_address_and_prefix(url: str, address: str, prefix: str) -> None:
    """The port is the scheme's own unless it is given."""
    base = BaseUrl(url)

    assert (base.address, base.prefix) == (address, prefix)


@pytest.mark.parametrize("url", ["", "api.abeja.io", "ftp://host/", "https:///path"])
def test_what_is_no_url_is_refused(url: str) -> None:
    """With the text that was given."""
    with pytest.raises(ValueError, match="is not an http or https URL"):
        BaseUrl(url)


@pytest.mark.parametrize(
    ("host", "target", "expected"),
    [
        ("gateway.example.com", "/abeja/datasets?a=b", "/datasets?a=b"),
        ("gateway.example.com", "/abeja", "/"),
        ("gateway.example.com", "/abeja?a=b", "/?a=b"),
        ("gateway.example.com", "/abeja/v2/x", "/x"),
        ("gateway.example.com", "/abejas/datasets", "/abejas/datasets"),
        ("gateway.example.com", "/other", "/other"),
        ("org.gateway.example.com:443", "/abeja/x", "/x"),
        ("api.abeja.io", "/abeja/x", "/abeja/x"),
    ],
)
def test_the_longest_prefix_of_the_host_is_taken_off(host: str, target: str, expected: str) -> None:
    """And nothing else."""
    urls = BaseUrls()
    urls.add("https://gateway.example.com/abeja")
    urls.add("https://gateway.example.com/abeja/v2")

    assert urls.strip(host, target) == expected
