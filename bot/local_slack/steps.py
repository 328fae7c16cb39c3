"""Workflow Builder's custom steps: a person starts one with its inputs, and the app completes it or says it failed."""

from __future__ import annotations

import secrets
from typing import Any

from bot.local_slack.slack import Slack
from bot.local_slack.web_api import Arguments, Method
from bot.local_slack.wire import Json, Refusal, Trouble, new_id
from bot.local_slack.workspace import APP_ID

# What a value of each type of parameter must be; ids are strings too.
_VALUES: dict[str, type | tuple[type, ...]] = {"boolean": bool, "integer": int, "number": (int, float), "array": list}
# Who used the workflow: Slack gives it, and whoever builds the workflow sees no field for it.
_USER = "slack#/types/user_context"


def offered(slack: Slack) -> list[Json]:
    """The steps of the app, as Workflow Builder lists them."""
    return [_described(name, facts) for name, facts in slack.manifest.functions.items()]


def start(slack: Slack, user: str, callback_id: str, inputs: Json) -> Json:
    """Begin a step; its event's facts. Raises ``Trouble`` for a step or a value that Workflow Builder has not."""
    facts = slack.manifest.functions.get(callback_id)
    if facts is None:
        raise Trouble("There is no such step.")
    wanted = facts.get("input_parameters", {})
    given = {name: value for name, value in inputs.items() if value not in (None, "")}
    if unknown := given.keys() - {name for name, one in wanted.items() if one["type"] != _USER}:
        raise Trouble(f"The step has no input {', '.join(sorted(unknown))}.")
    for name, parameter in wanted.items():
        if parameter["type"] == _USER:
            given[name] = {"id": user, "secret": secrets.token_hex(16)}
            continue
        if name not in given and parameter.get("is_required"):
            raise Trouble(f"“{parameter.get('title', name)}” is required.")
        if name in given and not _fits(given[name], parameter["type"]):
            raise Trouble(f"“{parameter.get('title', name)}” takes {parameter['type']}.")
    step = {
        "id": new_id("Fx"),
        "callback_id": callback_id,
        "title": facts["title"],
        "user": user,
        "inputs": given,
        "status": "running",
        "outputs": {},
        "error": "",
        "token": f"xwfp-{secrets.token_hex(16)}",
    }
    slack.workspace.steps[step["id"]] = step
    _changed(slack)
    return {
        "function": _described(callback_id, facts),
        "inputs": given,
        "function_execution_id": step["id"],
        "workflow_execution_id": new_id("Wx"),
        "bot_access_token": step["token"],
    }


def _described(callback_id: str, facts: Json) -> Json:
    return {
        "id": f"Fn0{callback_id.upper()[:8]}",
        "callback_id": callback_id,
        "title": facts["title"],
        "description": facts.get("description", ""),
        "type": "app",
        "input_parameters": _parameters(facts.get("input_parameters", {})),
        "output_parameters": _parameters(facts.get("output_parameters", {})),
        "app_id": APP_ID,
        "date_updated": 0,
    }


def _parameters(given: Json) -> list[Json]:
    keys = ("type", "title", "description", "hint", "is_required")
    return [{"name": name, **{key: one[key] for key in keys if key in one}} for name, one in given.items()]


def _fits(value: Any, kind: str) -> bool:
    wanted = _VALUES.get(kind, str)
    return isinstance(value, wanted) and (kind == "boolean" or not isinstance(value, bool))


def _running(slack: Slack, args: Arguments) -> Json:
    step = slack.workspace.steps.get(args.need("function_execution_id"))
    if step is None:
        raise Refusal("function_execution_not_found")
    if step["status"] != "running":
        raise Refusal("execution_not_in_running_state")
    return step


def succeed(slack: Slack, args: Arguments) -> Json:
    """``functions.completeSuccess``: the outputs must be those of the manifest."""
    step, outputs = _running(slack, args), args.parsed("outputs", "invalid_arguments")
    if not isinstance(outputs, dict):
        raise Refusal("invalid_arguments", ["missing required field: outputs"])
    wanted = slack.manifest.functions[step["callback_id"]].get("output_parameters", {})
    faults = [f"{name} is not an output of the function" for name in outputs.keys() - wanted.keys()]
    faults += [
        f"missing output: {name}" for name, one in wanted.items() if one.get("is_required") and name not in outputs
    ]
    faults += [
        f"{name} must be {wanted[name]['type']}"
        for name in outputs.keys() & wanted.keys()
        if not _fits(outputs[name], wanted[name]["type"])
    ]
    if faults:
        raise Refusal("parameter_validation_failed", faults)
    step.update(status="completed", outputs=outputs)
    _changed(slack)
    return {}


def fail(slack: Slack, args: Arguments) -> Json:
    """``functions.completeError``: the sentence is what the person who built the workflow reads."""
    step, error = _running(slack, args), args.need("error")
    step.update(status="failed", error=error)
    _changed(slack)
    return {}


def _changed(slack: Slack) -> None:
    slack.feed.add("steps", None)


METHODS = {
    "functions.completeSuccess": Method(succeed, 3, takes_step_token=True),
    "functions.completeError": Method(fail, 3, takes_step_token=True),
}
