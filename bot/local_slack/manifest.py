"""What the app's manifest promises Slack: its name, scopes, commands, shortcuts and events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.local_slack.wire import Json

# An event comes only to an app with this scope: https://docs.slack.dev/reference/events
SCOPE_OF_EVENT = {
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.mpim": "mpim:history",
    "file_shared": "files:read",
    "link_shared": "links:read",
}


@dataclass(frozen=True)
class Manifest:
    """The parts of an app manifest that decide what the workspace lets the app do."""

    bot_name: str
    scopes: tuple[str, ...]
    commands: tuple[Json, ...]
    shortcuts: tuple[Json, ...]
    events: frozenset[str]
    # What Workflow Builder may run, by callback id, and the domains whose links the app may unfurl.
    functions: dict[str, Json] = field(default_factory=dict)
    unfurl_domains: tuple[str, ...] = ()
    # How people talk with the app as with an assistant: "assistant" is Slack's older way, "agent" the newer one.
    talks: Literal["", "assistant", "agent"] = ""

    def hears(self, event: str) -> bool:
        """Whether the app is told of this event: it must ask for it, and have the scope that it takes."""
        return event in self.events and SCOPE_OF_EVENT.get(event) in (None, *self.scopes)

    @classmethod
    def read(cls, manifest: Json) -> Manifest:
        """Take a manifest as Slack's own YAML or JSON has it."""
        features = manifest.get("features", {})
        settings = manifest.get("settings", {})
        return cls(
            bot_name=features.get("bot_user", {}).get("display_name", "Bot"),
            scopes=tuple(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])),
            commands=tuple(features.get("slash_commands", [])),
            shortcuts=tuple(features.get("shortcuts", [])),
            events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", [])),
            functions=manifest.get("functions", {}) if settings.get("function_runtime") == "remote" else {},
            unfurl_domains=tuple(features.get("unfurl_domains", [])),
            talks="agent" if "agent_view" in features else "assistant" if "assistant_view" in features else "",
        )
