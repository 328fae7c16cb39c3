"""``crewai.flow/v1`` declarations: flows, and the crews that stand inside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from bot.engine.state import ORDER, state_problem
from bot.projects.bundle import Found, LeftOut, Need, ProjectRefused, Trouble
from bot.projects.casting import Casting, in_words, with_task_tools
from bot.projects.declared import crew_of
from bot.projects.documents import read_json, read_yaml
from bot.projects.python_flows import outcome_of
from bot.projects.source import Source
from store.definitions import Definition, StepPlan
from store.names import name_key
from store.steps import START, AfterPlan, new_key

Json = dict[str, Any]
_SCHEMA = re.compile(r"crewai\.flow/v\d")
_TERNARY = re.compile(r"^\s*\(?(?P<when>.+?)\)?\s*\?\s*(['\"])(?P<yes>[^'\"]*)\2\s*:\s*(?P<rest>.+)$", re.DOTALL)
_WORD = re.compile(r"^\s*(['\"])(?P<word>[^'\"]*)\1\s*$")
_HOLE = re.compile(r"\$\{([^{}]*)\}")


def declared_flows(source: Source) -> list[Found]:
    """The flows of all files that declare one, each after the crews inside it; raise ``ProjectRefused``."""
    found: list[Found] = []
    for path in source.ending(".yaml", ".yml", ".json", ".jsonc"):
        text = source.files[path]
        if _SCHEMA.search(text) and "methods" in text and PurePosixPath(path).name != "crewcall.yaml":
            read = read_yaml if path.lower().endswith((".yaml", ".yml")) else read_json
            data = read(text, path)
            if isinstance(data, dict) and _SCHEMA.fullmatch(str(data.get("schema"))):
                found += _Reader(data, path, source).found()
    return found


@dataclass
class _Reader:
    """One declaration while it is read."""

    data: Json
    path: str
    source: Source
    crews: list[Found] = field(default_factory=list)
    steps: list[StepPlan] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    fields: Json = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    # The key of the step that ends a method, and the labels that routers give: the step and its outcome.
    last: dict[str, str] = field(default_factory=dict)
    labels: dict[str, AfterPlan] = field(default_factory=dict)

    def found(self) -> list[Found]:
        """The crews inside, then the flow."""
        methods = self.data.get("methods") or {}
        if not isinstance(methods, dict) or not all(isinstance(each, dict) for each in methods.values()):
            raise ProjectRefused(reason=f"{self.path} declares no methods: they must be a mapping by their names.")
        self._state()
        first: dict[str, int] = {}
        for name, method in methods.items():
            first[str(name)] = len(self.steps)
            self._method(str(name), method)
        for name, method in methods.items():
            self._connect(str(name), method, first[str(name)])
        state: Json | None = None
        if self.fields:
            state = {"type": "object", "properties": self.fields, ORDER: list(self.fields)}
            state |= {"required": self.required} if self.required else {}
        name = str(self.data.get("name") or in_words(PurePosixPath(self.path).parent.name or self.source.name))
        flow = Definition(
            name=" ".join(name.split())[:80] or "Flow",
            description=str(self.data.get("description") or "")[:3_000],
            is_flow=True,
            state=state,
            steps=self.steps,
        )
        told = Found(flow, self.path, name, left_out=self.left_out, needs=self.needs, troubles=self.troubles)
        return [*self.crews, told]

    def _state(self) -> None:
        told = self.data.get("state")
        if not isinstance(told, dict):
            return
        default, schema = _mapping(told.get("default")), _mapping(told.get("json_schema"))
        properties = _mapping(schema.get("properties"))
        for name, value in {**dict.fromkeys(properties), **default}.items():
            part = dict(_mapping(properties.get(name)) or {"type": _type(value)})
            if value is not None:
                part["default"] = value
            problem = state_problem({"type": "object", "properties": {name: part}})
            if problem:
                self.left_out.append(LeftOut(f"the flow in {self.path}", f"state field {name}", problem))
            else:
                self.fields[str(name)] = part
        wanted = schema.get("required")
        self.required = [name for name in wanted if name in self.fields] if isinstance(wanted, list) else []
        if told.get("ref"):
            why = "Its class is Python code. Describe the fields in the flow’s state."
            self.left_out.append(LeftOut(f"the flow in {self.path}", f"state {told['ref']}", why))

    # --- Steps -------------------------------------------------------------------------------------------------------

    def _method(self, name: str, method: Json) -> None:
        action = method.get("do") if isinstance(method.get("do"), dict) else {}
        step = self._step(name, method, action or {})
        self.steps.append(step)
        self.last[name] = step.key
        feedback = method.get("human_feedback")
        if isinstance(feedback, dict):
            self._feedback(name, feedback, step)

    def _step(self, name: str, method: Json, action: Json) -> StepPlan:
        call = action.get("call", "code")
        if method.get("router") and call == "expression":
            return self._decide(name, method, str(action.get("expr", "")))
        if call == "crew":
            return self._plan(name, "crew", method, target=self._crew(name, action), inputs=self._inputs(action))
        if call == "agent" and isinstance(action.get("with"), dict):
            return self._agent(name, method, action["with"])
        if call == "each":
            return self._each(name, method, action)
        if call == "expression":
            key = self._key(name)
            self.fields.setdefault(key, {"type": "string", "default": ""})
            value = self._cel(str(action.get("expr", "")))
            return self._plan(name, "set", method, result=key, settings={"value": value})
        what = str(action.get("ref") or action.get("code") or "")
        prompt = f"The flow ran {call} here. Do what it did, or replace this step by another one.\n\n{what}"
        self._lose(name, f"{call} {what[:60]}", "Code and tools are never run by a flow. A person stands there.")
        self.needs.append(Need("step", in_words(name), f"It ran {call}. Replace the step by what does the same."))
        return self._plan(name, "review", method, settings={"prompt": prompt[:2_800]})

    def _plan(self, name: str, kind: str, method: Json, **more: Any) -> StepPlan:
        said = method.get("description")
        key = self._key(name)
        title = " ".join(said.split()) if isinstance(said, str) and 0 < len(said.split()) <= 8 else in_words(name)
        taken = {name_key(step.name) for step in self.steps}
        title = title[:70] if name_key(title[:70]) not in taken else in_words(key)
        return StepPlan(key=key, name=title, kind=kind, **more)

    def _key(self, name: str) -> str:
        taken = {step.key for step in self.steps}
        return name if name not in taken and new_key(name, set()) == name else new_key(name, taken)

    def _crew(self, name: str, action: Json) -> str | None:
        inline = action.get("with")
        if isinstance(inline, dict) and isinstance(inline.get("tasks"), list):
            return self._cast(str(inline.get("name") or f"{self.data.get('name', '')} {in_words(name)}"), inline)
        path = str(action.get("from_declaration") or "")
        tries = (self.source.near(f"{path}{end}", to=self.path) for end in ("", "/crew.jsonc", "/crew.json"))
        near = next(filter(None, tries), None)
        if near is not None:
            told = read_json(self.source.files[near], near)
            folder = PurePosixPath(near).parent.name or self.source.name
            return str(told.get("name") or in_words(folder)) if isinstance(told, dict) else None
        self._lose(name, f"crew {path}", "There is no such file in the project. Choose the crew in the step.")
        return None

    def _cast(self, title: str, declared: Json) -> str:
        crew = crew_of(declared, self.path, self.source)
        casting = Casting(crew, None, title, self.path, str(declared.get("description") or ""))
        found = with_task_tools(casting.found(), casting)
        if all(found.definition != each.definition for each in self.crews):
            self.crews.append(found)
        return found.definition.name

    def _agent(self, name: str, method: Json, told: Json) -> StepPlan:
        """One agent alone: a crew with one task."""
        text = told.get("input")
        said = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)
        inputs: dict[str, str] = {}

        def hole(match: re.Match[str]) -> str:
            word = re.sub(r"\W+", "_", match[1]).strip("_") or "value"
            inputs[word if word[:1].isalpha() else f"v_{word}"] = self._cel(match[1])
            return f"{{{word if word[:1].isalpha() else f'v_{word}'}}}"

        description = _HOLE.sub(hole, said)
        body = {word: value for word, value in told.items() if word not in ("input", "response_format")}
        task = {"name": name, "description": description, "expected_output": "The complete answer.", "agent": "agent"}
        title = f"{self.data.get('name', '')} {in_words(name)}"
        crew = self._cast(title, {"agents": {"agent": body}, "tasks": [task]})
        return self._plan(name, "crew", method, target=crew, inputs=inputs)

    def _each(self, name: str, method: Json, action: Json) -> StepPlan:
        steps = action.get("do") if isinstance(action.get("do"), list) else []
        inner = next((each["action"] for each in steps or [] if _is_crew(each)), None)
        if inner is None:
            self._lose(name, "each", "What it repeats is no crew. Choose one in the step.")
            inner = {}
        settings = {"items": self._cel(str(action.get("in", "")))}
        target = self._crew(name, inner) if inner else None
        return self._plan(name, "each", method, target=target, inputs=self._inputs(inner), settings=settings)

    def _inputs(self, action: Json) -> dict[str, str]:
        told = action.get("inputs")
        return {str(name): self._template(value) for name, value in told.items()} if isinstance(told, dict) else {}

    def _decide(self, name: str, method: Json, expression: str) -> StepPlan:
        rules, rest = [], expression
        while match := _TERNARY.match(rest):
            rules.append({"when": self._cel(match["when"]), "outcome": match["yes"][:40]})
            rest = match["rest"]
        last = _WORD.match(rest)
        emit = [str(each)[:40] for each in method.get("emit") or []]
        if last and all(rule["when"].count("(") == rule["when"].count(")") for rule in rules):
            settings: Json = {"by": "rules", "rules": rules, "otherwise": last["word"][:40]}
            outcomes = [*(rule["outcome"] for rule in rules), last["word"][:40]]
        else:
            question = f"This decided before: {expression}".replace("{", "(").replace("}", ")")
            settings = {"by": "model", "question": question[:2_800], "outcomes": emit}
            outcomes = emit
            self._lose(name, "what decides", "Its expression gives no outcome by name. Write it as rules.")
        step = self._plan(name, "decide", method, settings=settings)
        self.labels |= {outcome: AfterPlan(step=step.key, outcome=outcome) for outcome in [*outcomes, *emit]}
        return step

    def _feedback(self, name: str, feedback: Json, step: StepPlan) -> None:
        """Human feedback after a method is a review of its own."""
        shows = f"outputs.{step.key}.value" if step.kind == "set" else f"outputs.{step.key}.raw"
        message = str(feedback.get("message") or "")[:2_800]
        key = self._key(f"{name}_review")
        settings = {"shows": shows, "prompt": message}
        after = [AfterPlan(step=step.key)]
        self.steps.append(StepPlan(key=key, name=in_words(key), kind="review", after=after, settings=settings))
        self.last[name] = key
        for label in feedback.get("emit") or []:
            self.labels[str(label)] = AfterPlan(step=key, outcome=outcome_of(str(label)))

    # --- Connections -------------------------------------------------------------------------------------------------

    def _connect(self, name: str, method: Json, at: int) -> None:
        start, listen = method.get("start"), method.get("listen")
        found, join = self._condition(listen, name) if listen else ([], "all")
        if start and start is not True:
            more, join = self._condition(start, name)
            found += more
        elif start and found:
            found, join = [AfterPlan(step=START), *found], "any"
        told = {"after": found, "join": join if len(found) > 1 else "all"}
        self.steps[at] = self.steps[at].model_copy(update=told)

    def _condition(self, told: Any, name: str) -> tuple[list[AfterPlan], str]:
        if isinstance(told, str):
            return self._label(told, name), "any"
        if isinstance(told, dict):
            for word, join in (("and", "all"), ("or", "any")):
                if isinstance(told.get(word), list):
                    return [one for each in told[word] for one in self._condition(each, name)[0]], join
        return [], "all"

    def _label(self, label: str, name: str) -> list[AfterPlan]:
        if label in self.labels:
            return [self.labels[label]]
        if label in self.last:
            return [AfterPlan(step=self.last[label])]
        said = f"The step “{name}” waits for “{label}”, which nothing says."
        self.troubles.append(Trouble(self.path, 1, said))
        return []

    # --- Expressions -------------------------------------------------------------------------------------------------

    def _template(self, value: Any) -> str:
        """A value with ``${…}`` in it as one expression."""
        if not isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        whole = re.fullmatch(r"\s*\$\{(.*)\}\s*", value, re.DOTALL)
        if whole and "${" not in whole[1]:
            return self._cel(whole[1])
        parts = _HOLE.split(value)
        told = [
            f"string({self._cel(part)})" if number % 2 else json.dumps(part, ensure_ascii=False)
            for number, part in enumerate(parts)
        ]
        return " + ".join(part for part in told if part != '""') or '""'

    def _cel(self, text: str) -> str:
        for step in self.steps:
            if step.kind == "set":
                text = re.sub(rf"\boutputs\.{re.escape(step.key)}\b(?!\.value)", f"outputs.{step.key}.value", text)
        return text.strip()

    def _lose(self, name: str, what: str, why: str) -> None:
        self.left_out.append(LeftOut(f"the step “{in_words(name)}”", what, why))


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _is_crew(step: Any) -> bool:
    return isinstance(step, dict) and isinstance(step.get("action"), dict) and step["action"].get("call") == "crew"


def _type(value: Any) -> str:
    kinds: Iterable[tuple[type, str]] = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (list, "array"),
        (dict, "object"),
    )
    return next((word for kind, word in kinds if isinstance(value, kind)), "string")
