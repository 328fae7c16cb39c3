"""Flows in Python, as far as their decorators tell: the skeleton, with a person in the place of code."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.engine.state import ORDER, state_problem
from bot.projects.bundle import Found, LeftOut, Need, Trouble
from bot.projects.casting import in_words
from bot.projects.python.reading import Reading
from bot.projects.python.values import Class, Function, Made, Scope, decorator
from bot.projects.results import NoSchema, field_of
from store.definitions import Definition, StepPlan
from store.names import name_key
from store.steps import START, AfterPlan, new_key

_ROLES = {"start", "listen", "router"}
_KICKOFFS = {"kickoff", "kickoff_async", "akickoff", "kickoff_for_each", "kickoff_for_each_async"}
_LONGEST_PROMPT = 2_800
_COMPARED: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
}


@dataclass
class _Call:
    """A crew that a method starts: the call, and the loop that it stands in."""

    node: ast.Call
    crew: str
    loop: ast.For | ast.AsyncFor | None


@dataclass
class _Flow:
    """One class on its way to a flow."""

    cls: Class
    reading: Reading
    names: Mapping[int, str]
    left_out: list[LeftOut] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    steps: list[StepPlan] = field(default_factory=list)
    # The key of the step that begins a method, and of the one that ends it.
    first: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    # What reviews may end with, by the words that the code has for it.
    answers: dict[str, AfterPlan] = field(default_factory=dict)

    def found(self) -> Found:
        """The flow with everything that is to be said about it."""
        methods = {name: method for name, method in self.cls.methods().items() if method.marks & _ROLES}
        self.fields = self._state()
        outcomes = {name: _outcomes(method) for name, method in methods.items() if "router" in method.marks}
        for name, method in methods.items():
            self._method(name, method, outcomes.get(name))
        for name, method in methods.items():
            self._connect(name, method, outcomes)
        file = self.cls.scope.module.path
        state = {"type": "object", "properties": self.fields, ORDER: list(self.fields)} if self.fields else None
        definition = Definition(
            name=in_words(self.cls.name)[:80],
            description=(ast.get_docstring(self.cls.node) or "")[:3_000],
            is_flow=True,
            state=state,
            steps=self.steps,
        )
        return Found(definition, file, self.cls.name, left_out=self.left_out, needs=self.needs, troubles=self.troubles)

    # --- State -------------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        """The fields of the state, each with its schema, in their order."""
        cls = next((value for base in self.cls.node.bases if (value := self._state_class(base)) is not None), None)
        if cls is None:
            return {name: {"type": "string", "default": ""} for name in _state_words(self.cls.node)}
        fields: dict[str, Any] = {}
        for owner in reversed(cls.lineage()):
            for node in owner.node.body:
                if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                    continue
                name = node.target.id
                try:
                    schema = field_of(node, owner, self.reading)
                    if name != "id" and (problem := state_problem({"type": "object", "properties": {name: schema}})):
                        raise NoSchema(problem)
                except NoSchema as fault:
                    self.left_out.append(LeftOut(f"the flow “{self.cls.name}”", f"state field {name}", str(fault)))
                    continue
                if name != "id":
                    fields[name] = schema
        return fields

    def _state_class(self, base: ast.expr) -> Class | None:
        if not isinstance(base, ast.Subscript):
            return None
        value = self.reading.value(base.slice, self.cls.scope)
        return value if isinstance(value, Class) else None

    # --- Steps -------------------------------------------------------------------------------------------------------

    def _method(self, name: str, method: Function, outcomes: list[str] | None) -> None:
        """The steps of a method, one after the other: the crews that it starts, then what it decides."""
        calls = list(enumerate(self._calls(method), 1))
        steps = [self._crew_step(name, method, number, call) for number, call in calls]
        if outcomes is not None:
            steps.append(self._decide_step(name if not steps else f"{name}_decides", method, outcomes))
        if not steps:
            steps.append(self._set_step(name, method) or self._stand_in(name, method))
        if "human_feedback" in method.marks:
            steps.append(self._review_step(f"{name}_review", method, steps[-1]))
        for before, step in zip([None, *steps], steps, strict=False):
            after = [AfterPlan(step=before.key)] if before is not None else []
            self.steps.append(step.model_copy(update={"after": after}))
        self.first[name], self.last[name] = steps[0].key, steps[-1].key
        if result := _result(method, self.fields):
            self._result_to(steps[0], result)

    def _result_to(self, step: StepPlan, result: str) -> None:
        if step.kind in ("crew", "each"):
            at = next(number for number, each in enumerate(self.steps) if each.key == step.key)
            self.steps[at] = self.steps[at].model_copy(update={"result": result})

    def _calls(self, method: Function) -> list[_Call]:
        scope = Scope(method.scope.module, method.scope, {"self": self.reading.instance_of(self.cls)})
        found = []
        for node, loop in _walk(method.node, None):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _KICKOFFS:
                crew = self._crew(node.func.value, method, scope)
                if crew:
                    found.append(_Call(node, crew, loop))
        return found

    def _crew(self, node: ast.expr, method: Function, scope: Scope) -> str | None:
        if isinstance(node, ast.Name):
            node = _assigned(node.id, method) or node
        value = self.reading.value(node, scope)
        return self.names.get(id(value)) if isinstance(value, Made) else None

    def _crew_step(self, name: str, method: Function, number: int, call: _Call) -> StepPlan:
        told = next((word.value for word in call.node.keywords if word.arg == "inputs"), None)
        told = told or (call.node.args[0] if call.node.args else None)
        repeats = call.loop is not None or "for_each" in getattr(call.node.func, "attr", "")
        item = call.loop.target.id if call.loop is not None and isinstance(call.loop.target, ast.Name) else "item"
        inputs = dict(self._inputs(name, method, told, item))
        settings: dict[str, Any] = {}
        if repeats:
            items = _cel(call.loop.iter, "") if call.loop is not None else None
            settings = {"items": items or ""}
            if not items:
                self._lose(name, "the list it repeats for", "Only code tells it. Choose the list in the step.")
        key = self._key(name if number == 1 else f"{name}_{number}")
        kind = "each" if repeats else "crew"
        return StepPlan(key=key, name=self._name(key), kind=kind, target=call.crew, inputs=inputs, settings=settings)

    def _inputs(self, name: str, method: Function, told: ast.expr | None, item: str) -> Iterator[tuple[str, str]]:
        if not isinstance(told, ast.Dict):
            return
        for key, value in zip(told.keys, told.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                meant = (_assigned(value.id, method) or value) if isinstance(value, ast.Name) else value
                expression = _cel(meant, item) or self._constant(meant, method)
                if expression is None and key.value in self.fields:
                    expression = f"state.{key.value}"
                if expression is None:
                    why = f"Only code tells it ({ast.unparse(value)[:80]}). Say in the step where it comes from."
                    self._lose(name, f"input {key.value}", why)
                yield key.value, expression or '""'

    def _constant(self, node: ast.expr, method: Function) -> str | None:
        """What a name of the file stands for, where that is plain and short."""
        value = self.reading.value(node, method.scope) if isinstance(node, ast.Name) else None
        told = json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | float) else None
        return told if told is not None and len(told) <= 2_000 else None

    def _decide_step(self, name: str, method: Function, outcomes: list[str]) -> StepPlan:
        key = self._key(name)
        rules, otherwise = _rules(method)
        if rules is None:
            code = ast.unparse(method.node)[:1_500]
            question = f"Code decided here. Say in words what decides, or write rules:\n{_unbraced(code)}"
            settings: dict[str, Any] = {"by": "model", "question": question, "outcomes": outcomes}
            self._lose(
                name, "what decides", "It is Python code. A model would decide; write rules or a question for it."
            )
            self.needs.append(Need("step", self._name(key), "Its code decided; write rules or a question for it."))
        else:
            settings = {"by": "rules", "rules": rules, "otherwise": otherwise}
        return StepPlan(key=key, name=self._name(key), kind="decide", settings=settings)

    def _set_step(self, name: str, method: Function) -> StepPlan | None:
        """A method that only puts a value into the state."""
        whole = method.node.body if isinstance(method.node, ast.FunctionDef | ast.AsyncFunctionDef) else []
        body = [each for each in whole if not _says_nothing(each)]
        if len(body) != 1 or not isinstance(body[0], ast.Assign):
            return None
        fields = _state_targets(body[0])
        value = _cel(body[0].value, "")
        if len(fields) != 1 or value is None or fields[0] not in self.fields:
            return None
        key = self._key(name)
        return StepPlan(key=key, name=self._name(key), kind="set", result=fields[0], settings={"value": value})

    def _review_step(self, name: str, method: Function, of: StepPlan) -> StepPlan:
        """What a person says to the result of a method."""
        key, told = self._key(name), _words_of(method, "human_feedback")
        message = next((text for word, text in told if word == "message"), "")
        for label in [text for word, text in told if word == "emit"]:
            self.answers[label] = AfterPlan(step=key, outcome=outcome_of(label))
        settings = {"shows": f"outputs.{of.key}.raw", "prompt": message[:_LONGEST_PROMPT]}
        return StepPlan(key=key, name=self._name(key), kind="review", settings=settings)

    def _stand_in(self, name: str, method: Function) -> StepPlan:
        """A person in the place of code, who is shown what it was."""
        key, code = self._key(name), ast.unparse(method.node)
        lines = len(code.splitlines())
        prompt = f"Python code stood here. Do what it did, or replace this step by another one.\n\n{code}"
        self._lose(name, f"{lines} lines of code", "Code is never run. A person stands there; replace the step.")
        self.needs.append(Need("step", self._name(key), "Code stood there. Replace the step by what does the same."))
        return StepPlan(key=key, name=self._name(key), kind="review", settings={"prompt": prompt[:_LONGEST_PROMPT]})

    # --- Connections -------------------------------------------------------------------------------------------------

    def _connect(self, name: str, method: Function, outcomes: Mapping[str, list[str]]) -> None:
        after: list[AfterPlan] = []
        joins: list[str] = []
        for node in getattr(method.node, "decorator_list", []):
            role = decorator(node)
            if role not in _ROLES:
                continue
            condition = node.args[0] if isinstance(node, ast.Call) and node.args else None
            if role == "start":
                after.append(AfterPlan(step=START))
                joins.append("any")
            if condition is not None:
                found, join = self._condition(condition, name, outcomes)
                after += found
                joins.append(join)
        if after == [AfterPlan(step=START)]:
            after = []
        at = next(number for number, step in enumerate(self.steps) if step.key == self.first[name])
        join = "any" if "any" in joins and len(after) > 1 else "all"
        self.steps[at] = self.steps[at].model_copy(update={"after": after, "join": join})

    def _condition(self, node: ast.expr, name: str, outcomes: Mapping[str, list[str]]) -> tuple[list[AfterPlan], str]:
        match node:
            case ast.Call(func=ast.Name(id="or_" | "and_" as word) | ast.Attribute(attr="or_" | "and_" as word)):
                parts = [self._condition(each, name, outcomes) for each in node.args]
                inner = {join for found, join in parts if len(found) > 1}
                join = "any" if word == "or_" else "all"
                if inner - {join}:
                    self._lose(name, "and_ and or_ inside each other", f"The step waits for {join} of them.")
                return [each for found, _ in parts for each in found], join
            case ast.Constant(value=str() as label):
                return self._label(label, name, outcomes), "any"
            case ast.Name(id=label) | ast.Attribute(attr=label):
                value = self.reading.value(node, self.cls.scope)
                label = value if isinstance(value, str) else label
                return self._label(label, name, outcomes), "any"
        self._lose(name, "what it waits for", f"Only code tells it ({ast.unparse(node)[:80]}).")
        return [], "all"

    def _label(self, label: str, name: str, outcomes: Mapping[str, list[str]]) -> list[AfterPlan]:
        """The end of a method, or the outcome of the routers that give it."""
        if label in self.answers:
            return [self.answers[label]]
        if label in self.last and label != name and label not in {one for each in outcomes.values() for one in each}:
            return [AfterPlan(step=self.last[label])]
        givers = [router for router, words in outcomes.items() if label in words and router in self.last]
        if givers:
            return [AfterPlan(step=self.last[router], outcome=label) for router in givers]
        if label in self.last:
            return [AfterPlan(step=self.last[label])]
        line = self.cls.node.lineno
        said = f"The step “{name}” waits for “{label}”, which nothing says."
        self.troubles.append(Trouble(self.cls.scope.module.path, line, said))
        return []

    def _key(self, name: str) -> str:
        taken = {step.key for step in self.steps} | set(self.first.values())
        return name if name not in taken and len(name) <= 40 and new_key(name, set()) == name else new_key(name, taken)

    def _name(self, key: str) -> str:
        return in_words(key)

    def _lose(self, name: str, what: str, why: str) -> None:
        self.left_out.append(LeftOut(f"the step “{in_words(name)}” of “{self.cls.name}”", what, why))


def flows_in(reading: Reading, names: Mapping[int, str]) -> Iterator[Found]:
    """The flows among the classes; ``names`` are those of the crews by the ids of what makes them."""
    seen: set[str] = set()
    for cls in list(reading.classes()):
        is_flow = any(base.root == "crewai" and base.last == "Flow" for base in cls.foreign())
        if is_flow and any(method.marks & _ROLES for method in cls.methods().values()):
            found = _Flow(cls, reading, names).found()
            if name_key(f"{found.file} {found.title}") not in seen:
                seen.add(name_key(f"{found.file} {found.title}"))
                yield found


# --- What the code says ----------------------------------------------------------------------------------------------


def _walk(node: ast.AST, loop: Any) -> Iterator[tuple[ast.AST, Any]]:
    """Everything inside in order, with the innermost loop around it."""
    for child in ast.iter_child_nodes(node):
        inner = child if isinstance(child, ast.For | ast.AsyncFor) else loop
        yield child, inner
        yield from _walk(child, inner)


def _assigned(name: str, method: Function) -> ast.expr | None:
    """What a name of the method stands for."""
    for node in ast.walk(method.node):
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == name for each in node.targets
        ):
            return node.value
    return None


def _outcomes(method: Function) -> list[str]:
    """What a router may come to: the texts it returns, and those that its type names."""
    texts = []
    node = method.node
    for each in ast.walk(node):
        if isinstance(each, ast.Return) and each.value is not None:
            texts += _texts_in(each.value)
    returns = getattr(node, "returns", None)
    if isinstance(returns, ast.Subscript):
        texts += _texts_in(returns.slice)
    for each in getattr(node, "decorator_list", []):
        if isinstance(each, ast.Call):
            texts += [text for word in each.keywords if word.arg == "emit" for text in _texts_in(word.value)]
    return list(dict.fromkeys(text[:40] for text in texts if text))


def outcome_of(label: str) -> str:
    """Which of the three answers of a review a word stands for."""
    word = label.casefold()
    if any(each in word for each in ("approv", "accept", "publish", "ok", "yes")):
        return "approved"
    return "rejected" if any(each in word for each in ("reject", "deny", "denied", "cancel")) else "changes"


def _words_of(method: Function, mark: str) -> Iterator[tuple[str, str]]:
    """The texts that a decorator is given, by the names of its arguments."""
    for each in getattr(method.node, "decorator_list", []):
        if isinstance(each, ast.Call) and decorator(each) == mark:
            told = [*(("message", one) for one in each.args), *((word.arg or "", word.value) for word in each.keywords)]
            yield from ((name, text) for name, value in told for text in _texts_in(value))


def _texts_in(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_texts_in(body), *_texts_in(orelse)]
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [text for part in parts for text in _texts_in(part)]
    return []


def _rules(method: Function) -> tuple[list[dict[str, str]] | None, str]:
    """The router's ifs as rules; nothing where its code does more than look at the state and return."""
    rules: list[dict[str, str]] = []
    body = [each for each in getattr(method.node, "body", []) if not _says_nothing(each)]

    def read(statements: Iterable[ast.stmt]) -> str | None:
        for each in statements:
            match each:
                case ast.If(test=test, body=[ast.Return(value=ast.Constant(value=str() as outcome))], orelse=orelse):
                    when = _cel(test, "")
                    if when is None:
                        return None
                    rules.append({"when": when, "outcome": outcome[:40]})
                    if orelse:
                        return read(orelse)
                case ast.Return(value=ast.Constant(value=str() as outcome)):
                    return outcome
                case ast.Return(value=ast.IfExp(test=test, body=ast.Constant(value=str() as yes), orelse=no)):
                    when = _cel(test, "")
                    if when is None or not _texts_in(no):
                        return None
                    rules.append({"when": when, "outcome": yes[:40]})
                    return _texts_in(no)[0]
                case _:
                    return None
        return None

    otherwise = read(body)
    return (rules, otherwise[:40]) if otherwise is not None else (None, "")


def _cel(node: ast.expr, item: str) -> str | None:
    """A Python expression in CEL, where it only looks at the state, the item of a loop and plain values."""
    match node:
        case ast.Constant(value=bool() as value):
            return "true" if value else "false"
        case ast.Constant(value=None):
            return "null"
        case ast.Constant(value=str() | int() | float() as value):
            return json.dumps(value, ensure_ascii=False)
        case ast.Attribute(value=ast.Name(id="self"), attr="state"):
            return "state"
        case ast.Name(id=name) if item and name == item:
            return "item"
        case ast.Attribute(value=of, attr=name) if (inner := _cel(of, item)) is not None:
            return f"{inner}.{name}"
        case ast.Subscript(value=of, slice=ast.Constant(value=str() as name)) if (inner := _cel(of, item)) is not None:
            return f"{inner}.{name}" if name.isidentifier() else f"{inner}[{json.dumps(name)}]"
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            first, second = _cel(left, item), _cel(right, item)
            return f"{first} {_COMPARED[type(op)]} {second}" if first is not None and second is not None else None
        case ast.BoolOp(op=op, values=values):
            parts = [_cel(each, item) for each in values]
            joined = " && " if isinstance(op, ast.And) else " || "
            return None if None in parts else joined.join(f"({part})" for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand) if (inner := _cel(operand, item)) is not None:
            return f"!({inner})"
    return None


def _result(method: Function, fields: Mapping[str, Any]) -> str:
    """The field of the state that the result of the method's crew goes to."""
    names = {
        target.id
        for node in ast.walk(method.node)
        if isinstance(node, ast.Assign) and any(word in ast.unparse(node.value) for word in ("kickoff",))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(method.node):
        if isinstance(node, ast.Assign):
            whole = {"kickoff"} & {each.attr for each in ast.walk(node.value) if isinstance(each, ast.Attribute)}
            of = node.value.value if isinstance(node.value, ast.Attribute) else node.value
            told = whole or (isinstance(of, ast.Name) and of.id in names)
            targets = [name for name in _state_targets(node) if name in fields]
            if told and targets:
                return targets[0]
    return ""


def _state_targets(node: ast.Assign) -> list[str]:
    found = []
    for target in node.targets:
        match target:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="state"), attr=name):
                found.append(name)
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name(id="self"), attr="state"), slice=ast.Constant(value=str() as name)
            ):
                found.append(name)
    return found


def _state_words(node: ast.AST) -> list[str]:
    """The fields of a state without a class: those that the code names."""
    found = []
    for each in ast.walk(node):
        match each:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="state"), attr=name):
                found.append(name)
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name(id="self"), attr="state"), slice=ast.Constant(value=str() as name)
            ):
                found.append(name)
    known = {"get", "update", "model_dump", "model_dump_json", "copy", "items", "id", "setdefault", "keys", "values"}
    return [name for name in dict.fromkeys(found) if name not in known and name.isidentifier()]


def _says_nothing(node: ast.stmt) -> bool:
    """A docstring, a line on the console, or nothing at all."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="logger" | "logging" | "log")))):
            return True
    return False


def _unbraced(code: str) -> str:
    """The code without braces, in which inputs would be looked for."""
    return code.replace("{", "(").replace("}", ")")
