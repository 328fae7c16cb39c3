"""What the app's manifest promises Slack: its name, scopes, commands, shortcuts and events."""

from __future__ import annotations

from dataclasses import dataclass

from bot.local_slack.wire import Json


@dataclass(frozen=True)
class Manifest:
    """The parts of an app manifest that decide what the workspace lets the app do."""

    bot_name: str
    scopes: tuple[str, ...]
    commands: tuple[Json, ...]
    shortcuts: tuple[Json, ...]
    events: frozenset[str]

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
        )
