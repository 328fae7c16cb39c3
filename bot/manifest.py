"""The Slack app's manifest, as ``manifest.yml`` has it, with or without what not every workspace wants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

FILE = Path(__file__).parent.parent / "manifest.yml"

# How Slack shows conversations with the bot: not at all, as it has long done, or as it does for new apps.
View = Literal["", "assistant", "agent"]

_CHOSEN = re.compile(r"^( *)#(\w+) (.*)$", re.MULTILINE)


def written(view: View = "", links: str = "") -> str:
    """The file, with the lines for Slack's assistant or agent ``view``, and for ``links`` to the bot's own host."""
    chosen = {view, "view" if view else "", "links" if links else ""} - {""}

    def line(found: re.Match[str]) -> str:
        indent, tag, rest = found.groups()
        return f"{indent}{rest}".replace("HOST", links) if tag in chosen else found[0]

    return _CHOSEN.sub(line, FILE.read_text(encoding="utf-8"))


def manifest(view: View = "", links: str = "") -> dict[str, Any]:
    """The whole manifest, in Slack's own terms."""
    import yaml

    return cast(dict[str, Any], yaml.safe_load(written(view, links)))


def bot_scopes(links: str = "") -> list[str]:
    """The scopes that the bot token needs in any case, and those for ``links`` to the bot's own host."""
    return list(manifest(links=links)["oauth_config"]["scopes"]["bot"])


def granted_scopes(headers: Mapping[str, Any]) -> list[str]:
    """The scopes of a token, as the headers of any answer of Slack's name them; whatever their capitals."""
    named = next((str(value) for key, value in headers.items() if key.lower() == "x-oauth-scopes"), "")
    return [scope.strip() for scope in named.split(",")]
