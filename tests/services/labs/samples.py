"""The files of an app, and the form that the command line client makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

APPS = "/labs/organizations/{org}/apps"

SETTING = """\
metadata:
  name: my-app
  description: 猫を数える
  version: 0.0.1
  scope: private
  abejaUserOnly: true
  authType: abeja
  author: me@example.com
  githubURL: https://example.com/me/my-app
spec:
  image: my-app:latest
  instanceType: cpu-1
  command: streamlit run app.py
"""

#: What `abeja labs init` writes, and nothing else.
LEAST = """\
metadata: {name: least, scope: private, abejaUserOnly: false, authType: none, author: ''}
spec: {image: 'least:latest'}
"""

#: Part of the form → name of the file, content, media type.
FILES = {
    "setting_yaml": ("setting.yaml", SETTING.encode(), "application/yaml"),
    "thumbnail": ("Thumbnail.jpg", b"\xff\xd8\xff\xe0 a picture", "image/jpeg"),
    "how_to_use": ("HowToUse.md", b"# How to use", "text/markdown"),
    "how_to_use_jp": ("HowToUse_JP.md", "# 使い方".encode(), "text/markdown"),
}


def form(setting: str | bytes = SETTING, **contents: bytes) -> Mapping[str, tuple[str, bytes, str]]:
    """Return the form, as the `files` of requests, with some contents replaced."""
    contents["setting_yaml"] = setting if isinstance(setting, bytes) else setting.encode()
    return {name: (file, contents.get(name, content), kind) for name, (file, content, kind) in FILES.items()}
