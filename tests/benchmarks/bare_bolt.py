"""A bare Bolt app as a process: a command that answers, one that opens a modal, its submission, an App Home.

Its argument is the door: ``bolt`` for Bolt's own Socket Mode, ``ours`` for the one Crewcall uses.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from tests.local_slack.acting import modal, section, text_input

_HELP = [section("I build and run crews: agents who do tasks and post the result in a thread.")]


def main() -> None:
    client = WebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
    app = App(client=client)
    app.command("/crew")(command)
    app.view("modal")(submitted)
    app.event("app_home_opened")(opened)
    open_door(app, sys.argv[1])
    print("ready", flush=True)
    sys.stdin.read()


def open_door(app: App, door: str) -> None:
    if door == "ours":
        from bot.slack.socket_mode import SocketMode

        SocketMode(app, os.environ["SLACK_APP_TOKEN"]).start()
    else:
        from slack_bolt.adapter.socket_mode import SocketModeHandler

        SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).connect()  # type: ignore[no-untyped-call]


def command(ack: Ack, command: dict[str, Any], client: WebClient, respond: Respond) -> None:
    ack()
    if command["text"].startswith("create"):
        view = modal("New crew", text_input("name"), text_input("description", optional=True))
        client.views_open(trigger_id=command["trigger_id"], view=view)
    else:
        respond("What I can do", blocks=_HELP)


def opened(event: dict[str, Any], client: WebClient) -> None:
    client.views_publish(user_id=event["user"], view={"type": "home", "blocks": _HELP})


def submitted(ack: Ack) -> None:
    ack(response_action="update", view=modal("Crew", text_input("name")))


if __name__ == "__main__":
    main()
