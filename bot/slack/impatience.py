"""A double click is one click."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from slack_bolt import App, BoltContext, BoltResponse

# Slack sends every click of a double click as an action of its own.
_DOUBLE_CLICK_SECONDS = 1.0


def count_double_clicks_once(app: App, *, now: Callable[[], float] = time.monotonic) -> None:
    """Acknowledge the same click of the same person within a second and do nothing more; ``now`` is in seconds.

    Where they have sent a form meanwhile, it is a click of its own.
    """
    last: dict[str | None, tuple[object, float]] = {}
    lock = threading.Lock()

    def heed_once(body: dict[str, Any], context: BoltContext, next_: Callable[[], None]) -> BoltResponse | None:
        if body.get("type") == "block_actions":
            click = (_container(body), [_without_time(action) for action in body["actions"]])
            with lock:
                before, at = last.get(context.user_id, (None, 0.0))
                if before == click and now() - at < _DOUBLE_CLICK_SECONDS:
                    return BoltResponse(status=200)
                last[context.user_id] = click, now()
        elif body.get("type") == "view_submission":
            with lock:
                last.pop(context.user_id, None)
        next_()
        return None

    app.middleware(heed_once)


def _container(body: dict[str, Any]) -> tuple[Any, ...]:
    container = body.get("container") or {}
    return tuple(container.get(part) for part in ("channel_id", "message_ts", "view_id"))


def _without_time(action: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in action.items() if key != "action_ts"}
