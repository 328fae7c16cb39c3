"""Who somebody is in Slack: an administrator of the workspace or not, in which channels, and whom to ask."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any, TypeVar

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

T = TypeVar("T")

_log = logging.getLogger(__name__)

# Somebody who was made an administrator, or no longer is one, waits no longer than this, in seconds.
_REMEMBERED = 300.0
# Slack hands out 1,000 people at a time; in a workspace larger than this some administrator was among the first.
_MOST_PAGES = 5
_CHANNELS = "public_channel,private_channel"


class People:
    """What Slack says about people, remembered for five minutes; without an answer nobody is an administrator."""

    def __init__(self, client: WebClient, *, now: Callable[[], float] = time.monotonic) -> None:
        """Ask Slack through ``client``; ``now`` is a clock in seconds."""
        self._client = client
        self._now = now
        self._known: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def is_admin(self, team: str, user: str) -> bool:
        """Whether ``user`` is an administrator or owner of the workspace ``team``, as Slack has it."""

        def ask() -> bool:
            return _administers(dict(self._client.users_info(user=user)["user"]), team)

        return self._remembered(("is_admin", team, user), ask) or False

    def channels(self, team: str, user: str) -> list[str]:
        """The ids of the channels that ``user`` is a member of: public ones, and private ones that the bot is in too.

        https://docs.slack.dev/reference/methods/users.conversations; without an answer there are none.
        """

        def ask() -> list[str]:
            pages = self._client.users_conversations(
                user=user, types=_CHANNELS, exclude_archived=True, limit=999, team_id=team
            )
            return [str(channel["id"]) for page in pages for channel in page["channels"]]

        return self._remembered(("channels", team, user), ask) or []

    def reaches(self, team: str, channel: str) -> bool:
        """Whether the bot can know who is in the channel: not in a private one that it is no member of."""

        def ask() -> bool:
            return bool(self._client.conversations_info(channel=channel)["channel"]["id"])

        return self._remembered(("reaches", team, channel), ask) or False

    def zone(self, team: str, user: str) -> str | None:
        """The IANA name of somebody's time zone; ``None`` when Slack does not say."""
        return str((self._account(team, user) or {}).get("tz") or "") or None

    def is_gone(self, team: str, user: str) -> bool | None:
        """Whether somebody's account was deactivated or never was; ``None`` when Slack does not say."""
        account = self._account(team, user)
        return None if account is None else bool(account.get("deleted"))

    def is_member(self, team: str, channel: str) -> bool | None:
        """Whether the bot can post in a channel, as of this moment; ``None`` when Slack does not say."""
        try:
            found = self._client.conversations_info(channel=channel)["channel"]
        except SlackApiError as error:
            return False if error.response.get("error") == "channel_not_found" else None
        except (SlackClientError, HTTPException, OSError, KeyError) as error:
            _log.warning("Slack did not say whether the bot is in a channel: %s", error)
            return None
        return bool(found.get("is_im") or found.get("is_member"))

    def heard_of(self, team: str, user: str) -> bool:
        """Whether Slack has said within five minutes in which channels somebody is."""
        with self._lock:
            at, _ = self._known.get(("channels", team, user), (float("-inf"), None))
        return self._now() - at < _REMEMBERED

    def _account(self, team: str, user: str) -> dict[str, Any] | None:
        def ask() -> dict[str, Any]:
            try:
                found = dict(self._client.users_info(user=user)["user"])
            except SlackApiError as error:
                if error.response.get("error") not in ("user_not_found", "user_not_visible"):
                    raise
                return {"deleted": True}
            return {"tz": found.get("tz"), "deleted": found.get("deleted")}

        return self._remembered(("account", team, user), ask)

    def groups(self, team: str) -> list[tuple[str, str]]:
        """The workspace's user groups: their ids and what people call them, by name; without an answer there are none.

        https://docs.slack.dev/reference/methods/usergroups.list
        """

        def ask() -> list[tuple[str, str]]:
            found = self._client.usergroups_list(team_id=team)["usergroups"]
            return sorted(((str(group["id"]), f"@{group['handle']}") for group in found), key=lambda group: group[1])

        return self._remembered(("groups", team), ask) or []

    def group_members(self, team: str, group: str) -> list[str]:
        """Who is in a user group; without an answer nobody.

        https://docs.slack.dev/reference/methods/usergroups.users.list
        """

        def ask() -> list[str]:
            return [str(user) for user in self._client.usergroups_users_list(usergroup=group, team_id=team)["users"]]

        return self._remembered(("group", team, group), ask) or []

    def admins(self, team: str) -> list[str]:
        """The names of the workspace's administrators, as colleagues know them; empty when Slack does not answer."""

        def ask() -> list[str]:
            return [_name(user) for user in self._everybody(team) if _administers(user, team)]

        return self._remembered(("admins", team), ask) or []

    def _everybody(self, team: str) -> Iterator[dict[str, Any]]:
        pages = self._client.users_list(limit=1_000, team_id=team)
        for page, _ in zip(pages, range(_MOST_PAGES), strict=False):
            yield from page["members"]

    def _remembered(self, key: tuple[str, ...], ask: Callable[[], T]) -> T | None:
        """The answer, not older than five minutes; ``None`` when Slack gives none, which is not remembered."""
        with self._lock:
            at, answer = self._known.get(key, (float("-inf"), None))
            if self._now() - at < _REMEMBERED:
                return answer  # type: ignore[no-any-return]  # what was asked under this key before
        try:
            answer = ask()
        except (SlackClientError, HTTPException, OSError, KeyError) as error:
            _log.warning("Slack did not say who somebody is: %s", error)
            return None
        with self._lock:
            self._known[key] = (self._now(), answer)
        return answer


def direct_channel(client: WebClient, user: str) -> str:
    """The id of the conversation between the bot and a person."""
    return str(client.conversations_open(users=[user])["channel"]["id"])


def _administers(user: dict[str, Any], team: str) -> bool:
    """https://docs.slack.dev/reference/objects/user-object; people of a connected workspace have its rights there."""
    at_home = {user.get("team_id"), *(user.get("enterprise_user") or {}).get("teams", ())}
    gone = user.get("deleted") or user.get("is_bot")
    return bool((user.get("is_admin") or user.get("is_owner")) and team in at_home and not gone)


def _name(user: dict[str, Any]) -> str:
    profile = user.get("profile") or {}
    return str(profile.get("real_name") or user.get("real_name") or user.get("name"))
