"""Modals and App Homes: each person's stack of three, hashes, external ids and what is filled in."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Callable

from bot.local_slack.inputs import Values, values_of
from bot.local_slack.wire import Json, Refusal, new_id
from bot.local_slack.workspace import APP_ID, BOT_ID, TEAM, Workspace

DEEPEST = 3


def with_block_ids(blocks: list[Json]) -> list[Json]:
    """A copy of ``blocks`` in which every block and element has an id, as Slack fills them in."""
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for part in (block.get("accessory"), block.get("element"), *_interactive(block)):
            if part and part.get("type") not in ("image", "plain_text", "mrkdwn"):
                part.setdefault("action_id", secrets.token_urlsafe(4))
        if "child_blocks" in block:
            block["child_blocks"] = with_block_ids(block["child_blocks"])
        if block["type"] == "carousel":
            block["elements"] = with_block_ids(block["elements"])
    return blocks


def _interactive(block: Json) -> list[Json]:
    if block["type"] in ("actions", "context_actions"):
        return list(block["elements"])
    return list(block.get("actions", []))


class Views:
    """The views that are open, and the homes that are published."""

    def __init__(self, workspace: Workspace, check: Callable[[Json], None]) -> None:
        self._workspace = workspace
        self._check = check
        self._stacks: dict[str, list[Json]] = {}

    def stack(self, user: str) -> list[Json]:
        """The modals ``user`` has open, the top one last."""
        return self._stacks.setdefault(user, [])

    def opened(self, user: str, view_id: str) -> Json | None:
        """The modal or home ``view_id`` if ``user`` can see it."""
        home = self._workspace.homes.get(user)
        shown = [*self.stack(user), *([home] if home else [])]
        return next((view for view in shown if view["id"] == view_id), None)

    def open(self, user: str, view: Json) -> Json:
        """Show a first modal; one that is open already gives way."""
        fresh = self._new(view)
        self._stacks[user] = [fresh]
        return self._changed(user, fresh)

    def push(self, user: str, view: Json) -> Json:
        """Show a modal on top of the open one."""
        stack = self.stack(user)
        if not stack:
            raise Refusal("invalid_trigger_id")
        if len(stack) >= DEEPEST:
            raise Refusal("push_limit_reached")
        fresh = self._new(view, below=stack[-1])
        stack.append(fresh)
        return self._changed(user, fresh)

    def update(self, view: Json, *, view_id: str | None, external_id: str | None, view_hash: str | None) -> Json:
        """Put ``view`` in the place of the open one; what was typed stays where block_id and action_id stay."""
        user, old = self._find(view_id, external_id)
        return self.replace(user, old, view, view_hash)

    def replace(self, user: str, old: Json, view: Json, view_hash: str | None = None) -> Json:
        """Like ``update`` when one knows the view and its owner."""
        if view.get("type") != old["type"]:
            self._check(view)
            raise Refusal("invalid_arguments", [f"must be a {old['type']} view [json-pointer:/view/type]"])
        fresh = self._new(view, instead_of=old)
        if view_hash and view_hash != old["hash"]:
            raise Refusal("hash_conflict")
        old.clear()
        old.update(fresh)
        return self._changed(user, old)

    def publish(self, user: str, view: Json, view_hash: str | None) -> Json:
        """Show ``view`` as the app's home for ``user``."""
        old = self._workspace.homes.get(user)
        fresh = self._new(view, instead_of=old)
        if view_hash and old and view_hash != old["hash"]:
            raise Refusal("hash_conflict")
        self._workspace.homes[user] = fresh
        return self._changed(user, fresh)

    def close(self, user: str, view: Json) -> None:
        """Take away one view and what lies above it; nothing if it is gone already."""
        stack = self.stack(user)
        if view in stack:
            del stack[stack.index(view) :]
            self._workspace.feed.add("view", [user])

    def clear(self, user: str) -> None:
        """Take away the whole stack."""
        self._stacks[user] = []
        self._workspace.feed.add("view", [user])

    def fill_in(self, view: Json, values: Values) -> None:
        """Remember what a person has filled in so far."""
        view["state"] = {"values": values}

    def _find(self, view_id: str | None, external_id: str | None) -> tuple[str, Json]:
        for user in self._workspace.users:
            home = self._workspace.homes.get(user)
            for view in [*self.stack(user), *([home] if home else [])]:
                if view["id"] == view_id or (external_id and view["external_id"] == external_id):
                    return user, view
        raise Refusal("not_found")

    def _new(self, view: Json, *, below: Json | None = None, instead_of: Json | None = None) -> Json:
        self._check(view)
        given = {key: part for key, part in view.items() if part is not None}
        view_id = instead_of["id"] if instead_of else new_id("V")
        self._refuse_taken(given.get("external_id"), view_id)
        blocks = with_block_ids(given["blocks"])
        before = instead_of["state"]["values"] if instead_of else None
        root = below or instead_of
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": instead_of["external_id"] if instead_of else "",
            "title": None,
            "submit": None,
            "close": None,
            "clear_on_close": False,
            "notify_on_close": False,
            **given,
            "blocks": blocks,
            "id": view_id,
            "team_id": TEAM["id"],
            "state": {"values": values_of(blocks, before)},
            "hash": f"{time.time():.0f}.{secrets.token_hex(4)}",
            "previous_view_id": below["id"] if below else (instead_of or {}).get("previous_view_id"),
            "root_view_id": root["root_view_id"] if root else view_id,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM["id"],
            "bot_id": BOT_ID,
        }

    def _refuse_taken(self, external_id: str | None, view_id: str) -> None:
        taken = [view for stack in self._stacks.values() for view in stack] + list(self._workspace.homes.values())
        if external_id and any(view["external_id"] == external_id and view["id"] != view_id for view in taken):
            raise Refusal("duplicate_external_id")

    def _changed(self, user: str, view: Json) -> Json:
        self._workspace.feed.add("home" if view["type"] == "home" else "view", [user])
        return copy.deepcopy(view)
