"""A Slack on your laptop: Web API, Socket Mode and a page for people, as strict as the real one."""

from __future__ import annotations

from bot.local_slack.server import LocalSlack

__all__ = ["LocalSlack"]
