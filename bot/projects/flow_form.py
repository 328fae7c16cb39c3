"""A flow, or a crew as a flow of one step, as ``crewai.flow/v1``: steps that run crews, and CEL between them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.engine import placeholders
from bot.engine.state import ORDER
from bot.engine.steps import kind_of
from bot.projects import extras
from bot.projects.json_form import crew_as_json
from bot.projects.writing import (
    Written,
    dump,
    environment_file,
    folder_name,
    inputs_of,
    keys_of,
    lost_of,
    pyproject,
    readme,
)
from store.definitions import Definition, StepPlan
from store.steps import START, AfterPlan

Json = dict[str, Any]
SCHEMA = "crewai.flow/v1"
# What steps of these kinds come to is a value of its own; what crews come to has parts.
_VALUES = {"set", "decide", "review", "wait", "flow"}


def as_flow(definition: Definition) -> Written:
    """The flow as a project that runs with CrewAI alone, with the crews that it runs inside."""
    flow = definition if definition.is_flow else _of_one_step(definition)
    folder = folder_name(definition.name)
    writer = _Writer(flow)
    declared = {
        "schema": SCHEMA,
        "name": flow.name,
        **({"description": flow.description} if flow.description else {}),
        **({"state": _state(flow.state)} if flow.state else {}),
        "methods": writer.methods(),
    }
    crews = [part for part in flow.parts.values() if not part.is_flow]
    lost = [*writer.lost, *(sentence for crew in crews for sentence in lost_of(crew))]
    inputs = list((flow.state or {}).get("properties", {}))
    target = {"type": "flow", "definition": f"src/{folder}/flow.yaml"}
    build = f'[tool.hatch.build.targets.wheel]\npackages = ["src/{folder}"]'
    files = {
        "README.md": readme(definition.name, definition.description, "`crewai run`", inputs, lost),
        "pyproject.toml": pyproject(folder, f"{definition.name} using crewAI", {}, target, build),
        ".env.example": environment_file(crews),
        ".gitignore": ".env\n__pycache__/\n",
        f"src/{folder}/flow.yaml": dump(declared),
    }
    wanted = [*crews, flow] if definition.is_flow else [definition, flow]
    return extras.with_extras(Written(folder, files, lost), wanted)


def _of_one_step(crew: Definition) -> Definition:
    names = [name for name in inputs_of(crew) if name.isidentifier()]
    fields = {name: {"type": "string", "default": ""} for name in names}
    step = StepPlan(
        key="work", name="Work", kind="crew", target=crew.name, inputs={name: f"state.{name}" for name in names}
    )
    state = {"type": "object", "properties": fields, ORDER: names} if names else None
    name = f"{crew.name[:74]} flow"
    return Definition(name=name, is_flow=True, state=state, steps=[step], parts={crew.name: crew})


def _state(schema: Mapping[str, Any]) -> Json:
    """The state with the values that it begins with."""
    fields = schema.get("properties", {})
    order = schema.get(ORDER) or list(fields)
    plain = {name: {word: value for word, value in fields[name].items() if word != "default"} for name in order}
    defaults = {name: fields[name]["default"] for name in order if "default" in fields[name]}
    told: Json = {"type": "object", "properties": plain}
    if schema.get("required"):
        told["required"] = list(schema["required"])
    return {"type": "json_schema", "json_schema": told, **({"default": defaults} if defaults else {})}


@dataclass
class _Writer:
    """One flow while its steps are written as methods."""

    flow: Definition
    lost: list[str] = field(default_factory=list)

    def methods(self) -> Json:
        """Every step as a method, by its key."""
        found: Json = {}
        for number, step in enumerate(self.flow.steps):
            body = self._do(step, self.flow.steps[:number])
            for name, method in body.items():
                found[name] = {**(self._when(step) if name == step.key else {"listen": step.key}), **method}
        return found

    def _when(self, step: StepPlan) -> Json:
        told: Json = {"start": True} if not step.after or any(each.step == START for each in step.after) else {}
        waits = [self._label(each) for each in step.after if each.step != START]
        if len(waits) == 1:
            told["listen"] = waits[0]
        elif waits:
            told["listen"] = {"or" if step.join == "any" else "and": waits}
        return told

    def _label(self, after: AfterPlan) -> str:
        if after.outcome:
            return label_of(after.step, after.outcome)
        before = next((step for step in self.flow.steps if step.key == after.step), None)
        model = before is not None and before.kind == "decide" and before.settings.get("by") == "model"
        return f"{after.step}_route" if model else after.step

    def _do(self, step: StepPlan, earlier: list[StepPlan]) -> dict[str, Json]:
        """The step's method, and a second one where CrewAI needs two."""
        said = {"description": step.name}
        match step.kind:
            case "crew":
                return {step.key: {**said, "do": self._crew(step, earlier)}}
            case "each":
                one = {"name": "one", "action": self._crew(step, earlier)}
                items = self._cel(str(step.settings.get("items") or "[]"), earlier)
                return {step.key: {**said, "do": {"call": "each", "in": items, "do": [one]}}}
            case "set":
                return {step.key: {**said, "do": self._expression(str(step.settings.get("value") or '""'), earlier)}}
            case "decide":
                return self._decide(step, earlier, said)
            case "review":
                return {step.key: {**said, **self._review(step, earlier)}}
        self.lost.append(f"The step “{step.name}” does nothing: CrewAI has no step that {_does(step.kind)}.")
        return {step.key: {**said, "do": {"call": "expression", "expr": "''"}}}

    def _crew(self, step: StepPlan, earlier: list[StepPlan]) -> Json:
        part = self.flow.parts.get(step.target or "")
        if part is None or part.is_flow:
            self.lost.append(f"The step “{step.name}” does nothing: what it runs is not in this project.")
            return {"call": "expression", "expr": "''"}
        inputs = {name: f"${{{self._cel(expression, earlier)}}}" for name, expression in step.inputs.items()}
        declared = crew_as_json(part, keys_of(part))
        return {"call": "crew", "with": declared, **({"inputs": inputs} if inputs else {})}

    def _expression(self, text: str, earlier: list[StepPlan]) -> Json:
        return {"call": "expression", "expr": self._cel(text, earlier)}

    def _decide(self, step: StepPlan, earlier: list[StepPlan], said: Json) -> dict[str, Json]:
        kind = kind_of(step.kind)
        settings = step.settings
        if settings.get("by") == "model":
            outcomes = [str(each) for each in settings.get("outcomes") or [settings.get("otherwise") or "done"]]
            question = placeholders.PLACEHOLDER.sub(
                lambda match: f"${{{self._cel(step.inputs.get(match[1], repr('')), earlier)}}}",
                str(settings.get("question") or step.name),
            )
            asked = f"{question}\n\nAnswer with exactly one of: {', '.join(outcomes)}."
            judge = {"role": "Judge", "goal": "Decide", "backstory": "You decide.", "input": asked}
            *first, last = outcomes
            chosen = "".join(
                f"outputs.{step.key}.raw.contains({json.dumps(each)}) ? {_text(label_of(step.key, each))} : "
                for each in first
            )
            route = {
                "router": True,
                "emit": [label_of(step.key, each) for each in outcomes],
                "do": {"call": "expression", "expr": f"{chosen}{_text(label_of(step.key, last))}"},
            }
            return {step.key: {**said, "do": {"call": "agent", "with": judge}}, f"{step.key}_route": route}
        rules = settings.get("rules") or []
        chosen = "".join(
            f"({self._cel(rule['when'], earlier)}) ? {_text(label_of(step.key, rule['outcome']))} : " for rule in rules
        )
        otherwise = settings.get("otherwise") or (rules[-1]["outcome"] if rules else "done")
        outcomes = list(dict.fromkeys([*(rule["outcome"] for rule in rules), otherwise]))
        assert kind is not None
        return {
            step.key: {
                **said,
                "router": True,
                "emit": [label_of(step.key, each) for each in outcomes],
                "do": {"call": "expression", "expr": f"{chosen}{_text(label_of(step.key, otherwise))}"},
            }
        }

    def _review(self, step: StepPlan, earlier: list[StepPlan]) -> Json:
        shows = str(step.settings.get("shows") or "''")
        outcomes = [label_of(step.key, each) for each in ("approved", "changes", "rejected")]
        message = str(step.settings.get("prompt") or step.name)
        return {"do": self._expression(shows, earlier), "human_feedback": {"message": message, "emit": outcomes}}

    def _cel(self, text: str, earlier: list[StepPlan]) -> str:
        """An expression in CrewAI's words: there steps put nothing into the state, so what they came to is meant."""
        text = re.sub(r"\binputs\.", "state.", text)
        for step in earlier:
            name = re.escape(step.key)
            if step.kind in _VALUES:
                text = re.sub(rf"\boutputs\.{name}\.(value|raw|outcome)\b", f"outputs.{step.key}", text)
            if step.result:
                end = "" if step.kind in _VALUES else ".raw"
                text = re.sub(rf"\bstate\.{re.escape(step.result)}\b", f"outputs.{step.key}{end}", text)
        return text


def label_of(step: str, outcome: str) -> str:
    """What the outcome of a step is called: labels and methods share their names in CrewAI."""
    words = re.sub(r"\W+", "_", outcome, flags=re.ASCII).strip("_").lower()
    return f"{step}_is_{words or 'so'}"


def _text(text: str) -> str:
    return f"'{text}'"


def _does(kind: str) -> str:
    return {"flow": "runs another flow", "wait": "waits"}.get(kind, "does this")
