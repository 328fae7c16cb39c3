"""Telling Workflow Builder how a step ended."""

from __future__ import annotations

from collections.abc import Callable

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.slack.text import fit

# What a later step can take on; Slack says of no limit, and a message holds no more.
_LONGEST = 12_000
# Somebody else has told it already, or the workflow is gone.
_OVER = {"execution_not_in_running_state", "function_execution_not_found"}


def complete_step(client: WebClient, step_id: str, result: str, channel: str, ts: str | None) -> None:
    """The step is done: its outputs are the ``result`` and a link to the run's message, where Slack gives one.

    Raises what Slack raises.
    """
    link = _link(client, channel, ts)
    outputs = {"result": fit(result, _LONGEST)} | ({"link": link} if link else {})
    _told(lambda: client.functions_completeSuccess(function_execution_id=step_id, outputs=outputs))


def fail_step(client: WebClient, step_id: str, error: str) -> None:
    """The step failed, for the reason that ``error`` says in a sentence. Raises what Slack raises."""
    _told(lambda: client.functions_completeError(function_execution_id=step_id, error=fit(error, 1_000)))


def _told(call: Callable[[], object]) -> None:
    try:
        call()
    except SlackApiError as error:
        if error.response["error"] not in _OVER:
            raise


def _link(client: WebClient, channel: str, ts: str | None) -> str:
    if ts is None:
        return ""
    try:
        return str(client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])
    except SlackApiError:
        return ""
