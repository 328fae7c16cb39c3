"""What people do in the workspace, what the app is told of it, and what its ack brings about."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from bot.local_slack import payloads
from bot.local_slack.elements import SUGGESTIONS
from bot.local_slack.inputs import VALUE_KEYS, Values, filled_in, find, mistakes, value_from, values_of
from bot.local_slack.rules import Report
from bot.local_slack.slack import Slack
from bot.local_slack.socket_mode import NotAcknowledged, NotConnected
from bot.local_slack.wire import Json, Refusal, Trouble
from bot.local_slack.workspace import Channel

log = logging.getLogger(__name__)

NO_CONNECTION = "We had some trouble connecting. Try again?"
# When an event is not acknowledged, Slack tries three more times after so many seconds.
EVENT_RETRIES = (0, 60, 300)


class Interactions:
    """One person's deeds, carried to the app and back. Each raises ``Trouble`` with what the person is shown."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self._deliveries: set[asyncio.Task[None]] = set()

    # Commands and shortcuts

    async def command(self, user: str, channel: Channel, name: str, text: str) -> None:
        """Type a slash command, wait for the ack and show what it says."""
        if not any(one["command"] == name for one in self._slack.manifest.commands):
            raise Trouble(f"“{name}” is not a valid command. Type “/” to see what there is.")
        payload = payloads.command(self._slack, user, channel, name, text)
        try:
            ack = await self._slack.sockets.deliver("slash_commands", payload, answers=True)
            if ack:
                self._slack.respond(channel, user, ack)
        except NotConnected:
            raise Trouble(f"{name} failed with the error “dispatch_failed”") from None
        except NotAcknowledged:
            raise Trouble(f"{name} failed with the error “operation_timeout”") from None
        except Refusal as refusal:
            self._log_bad_ack(name, refusal)
            raise Trouble(f"{name} failed with the error “dispatch_unknown_error”") from None

    async def shortcut(self, user: str, callback_id: str, channel: Channel | None, message: Json | None) -> None:
        """Choose a shortcut, from the menu or on a message."""
        wanted = "message" if message else "global"
        if not any(
            (one["callback_id"], one["type"]) == (callback_id, wanted) for one in self._slack.manifest.shortcuts
        ):
            raise Trouble("There is no such shortcut.")
        if message and channel:
            payload = payloads.message_shortcut(self._slack, user, callback_id, channel, message)
        else:
            payload = payloads.shortcut(self._slack, user, callback_id)
        await self._ask(payload)

    # Messages and homes

    async def act_on_message(
        self, user: str, channel: Channel, message: Json, ids: tuple[str, str], sent: Json, values: Json
    ) -> None:
        """Press or change something in a message."""
        previews = [block for one in message.get("attachments", []) for block in one.get("blocks", [])]
        blocks = [*message.get("blocks", []), *previews]
        action = _action(blocks, ids, sent)
        state = _after(blocks, values_of(blocks), values, action)
        await self._ask(payloads.message_action(self._slack, user, channel, message, action, state))

    async def act_in_view(self, user: str, view: Json, ids: tuple[str, str], sent: Json, values: Json) -> None:
        """Press or change something in a modal or home."""
        blocks = view["blocks"]
        action = _action(blocks, ids, sent)
        self._slack.views.fill_in(view, _after(blocks, view["state"]["values"], values, action))
        await self._ask(payloads.view_action(self._slack, user, view, action))

    async def suggest(self, user: str, where: Json, blocks: list[Json], ids: tuple[str, str], value: str) -> Json:
        """Ask the app for the options that match ``value``: ``{"options"}`` or ``{"option_groups"}``."""
        found = find(blocks, *ids)
        if found is None or not found[1]["type"].endswith("external_select"):
            raise Trouble("There is no menu here that asks the app for options.")
        answer = await self._ask(payloads.suggestion(self._slack, user, where, *ids, value), answers=True)
        report = Report("modal")
        SUGGESTIONS(answer, "", report)
        if report.problems:
            self._log_bad_ack("block_suggestion", Refusal("invalid_options", [p.message for p in report.problems]))
            raise Trouble("There was a problem loading the options.", 200)
        return answer

    # Modals

    async def submit(self, user: str, view: Json, values: Json) -> dict[str, str]:
        """Submit the top modal; an empty answer is success, otherwise block id → what is wrong there."""
        stack = self._slack.views.stack(user)
        if not stack or stack[-1] is not view:
            raise Trouble("That window is no longer on top.")
        if not view["submit"]:
            raise Trouble("This window has nothing to submit.")
        self._slack.views.fill_in(view, filled_in(view["blocks"], view["state"]["values"], values))
        if wrong := mistakes(view["blocks"], view["state"]["values"]):
            return wrong
        ack = await self._ask(payloads.view_submission(self._slack, user, view), answers=True)
        try:
            return self._carry_out(user, view, ack)
        except Refusal as refusal:
            self._log_bad_ack("view_submission", refusal)
            raise Trouble(NO_CONNECTION, 200) from None

    def _carry_out(self, user: str, view: Json, ack: Json) -> dict[str, str]:
        views = self._slack.views
        match ack.get("response_action"):
            case None if not ack:
                views.close(user, view)
            case "clear":
                views.clear(user)
            case "update":
                views.replace(user, view, ack.get("view", {}))
            case "push":
                views.push(user, ack.get("view", {}))
            case "errors":
                return _errors(view, ack.get("errors"))
            case other:
                raise Refusal("invalid_response_action", [f"unknown response_action: {other}"])
        return {}

    async def close(self, user: str, view: Json, everything: bool) -> None:
        """Cancel the top modal, or with ``everything`` the whole stack."""
        stack = list(self._slack.views.stack(user))
        if view not in stack:
            raise Trouble("That is not a window one can close.")
        everything = everything or view["clear_on_close"]
        closed = stack if everything else stack[stack.index(view) :]
        for one in closed:
            if one["notify_on_close"]:
                self._later(payloads.view_closed(self._slack, user, one, is_cleared=everything))
        if everything:
            self._slack.views.clear(user)
        else:
            self._slack.views.close(user, view)

    # Events

    def happened(self, kind: str, facts: Json, subscription: str | None = None) -> None:
        """Tell the app of an event, if its manifest subscribes to it; again when it does not acknowledge."""
        if self._slack.manifest.hears(subscription or kind):
            self._keep(self._deliver_event(payloads.event(kind, facts)))

    async def stop(self) -> None:
        """Give up what is still being delivered."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)

    async def _deliver_event(self, payload: Json) -> None:
        for attempt, pause in enumerate((0, *EVENT_RETRIES)):
            await asyncio.sleep(pause)
            try:
                await self._slack.sockets.deliver("events_api", payload, answers=False, retry=attempt)
                return
            except (NotConnected, NotAcknowledged):
                log.info("The app did not take the event %s.", payload["event_id"])

    def _later(self, payload: Json) -> None:
        self._keep(self._tell(payload))

    async def _tell(self, payload: Json) -> None:
        try:
            await self._ask(payload)
        except Trouble as trouble:
            log.info("The app did not take %s: %s", payload["type"], trouble)

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _ask(self, payload: Json, *, answers: bool = False) -> Json:
        try:
            return await self._slack.sockets.deliver("interactive", payload, answers=answers)
        except (NotConnected, NotAcknowledged):
            raise Trouble(NO_CONNECTION, 200) from None

    def _log_bad_ack(self, kind: str, refusal: Refusal) -> None:
        # Slack keeps this to itself; here it is said where the calls are listed, because one wants to know.
        log.warning("The ack of %s was not in order: %s", kind, refusal.answer())
        self._slack.log(f"ack of {kind}", {}, 200, refusal.answer())


def _action(blocks: list[Json], ids: tuple[str, str], sent: Json) -> Json:
    """One entry of ``actions`` for what a person did to the element with these ids."""
    found = find(blocks, *ids)
    if found is None:
        raise Trouble("That is not there any more.")
    block, part = found
    if block["type"] == "input" and not block.get("dispatch_action"):
        raise Trouble("The app hears of this input only when the window is submitted.")
    action = {"type": part["type"], "block_id": ids[0], "action_id": ids[1]}
    if part["type"] in VALUE_KEYS:
        return {**action, **value_from(part, sent)}
    if part["type"] == "overflow":
        chosen = sent.get("selected_option", {}).get("value")
        option = next((one for one in part["options"] if one["value"] == chosen), None)
        if option is None:
            raise Trouble("That is not among the options.")
        return {**action, "selected_option": option}
    if part["type"] == "feedback_buttons":
        part = _feedback(part, sent)
    return {**action, **{key: part[key] for key in ("text", "value", "style") if key in part}}


def _after(blocks: list[Json], before: Values, sent: Json, action: Json) -> Values:
    """The values of all inputs, with those a person sent along and the one just changed."""
    values = filled_in(blocks, before, sent)
    if action["type"] not in VALUE_KEYS:
        return values
    return filled_in(blocks, values, {action["block_id"]: {action["action_id"]: action}})


def _feedback(part: Json, sent: Json) -> Json:
    buttons: Iterable[Json] = (part["positive_button"], part["negative_button"])
    for button in buttons:
        if button["value"] == sent.get("value"):
            return button
    raise Trouble("That is not among the buttons.")


def _errors(view: Json, errors: Any) -> dict[str, str]:
    """The app's own complaints; each must name an input block of this very view."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
        raise Refusal("invalid_errors", [f"errors must name input blocks; there are: {', '.join(sorted(inputs))}"])
    if not all(isinstance(sentence, str) and sentence for sentence in errors.values()):
        raise Refusal("invalid_errors", ["every error must be a sentence"])
    return errors
