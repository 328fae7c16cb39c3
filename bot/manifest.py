"""The Slack app's manifest, as ``manifest.yml`` has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

FILE = Path(__file__).parent.parent / "manifest.yml"


def manifest() -> dict[str, Any]:
    """The whole manifest, in Slack's own terms."""
    import yaml

    return cast(dict[str, Any], yaml.safe_load(FILE.read_text(encoding="utf-8")))


def bot_scopes() -> list[str]:
    """The scopes that the bot token needs."""
    return list(manifest()["oauth_config"]["scopes"]["bot"])
