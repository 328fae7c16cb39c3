"""Workflow Builder's step “Run a crew”."""

from __future__ import annotations

from slack_bolt import App

from bot.services import Actor
from bot.services.workflows import Workflows
from bot.slack.blocks import Json
from bot.slack.commands import Commands


def register(app: App, commands: Commands) -> None:
    """Answer when a workflow comes to the step."""
    app.function("run_crew", auto_acknowledge=True)(run_crew)


def run_crew(event: Json, workflows: Workflows, actor: Actor) -> None:
    inputs = event["inputs"]
    step_id, crew = event["function_execution_id"], str(inputs["crew"]).strip()
    by = Actor(actor.team, _user(inputs.get("person")))
    workflows.begin(step_id, crew, inputs.get("inputs") or "", channel=inputs["channel"], by=by)


def _user(person: object) -> str:
    """Who used the workflow, as Slack itself says; nobody where whoever built the workflow wrote it down."""
    return str(person.get("id") or "") if isinstance(person, dict) else ""
