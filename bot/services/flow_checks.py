"""What keeps a flow from running as it is meant to, said with the mend."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from bot.engine import cel, placeholders, state
from bot.engine.cel import Undecided
from bot.engine.state import Misfit, StateField
from bot.engine.steps.kind import ANY, Said, StepKind, StepSettings
from bot.services.checks import Place
from bot.services.flow_graph import Graph, possible
from store.definitions import DELETED, Definition, StepPlan
from store.steps import START, AfterPlan

ROOTS = ("state", "inputs", "outputs")
_IN_A_LOOP = (*ROOTS, "item", "number")
_KNOWN = "It knows state, inputs and outputs."
_KNOWN_IN_A_LOOP = "It knows state, inputs, outputs, item and number."


@dataclass(frozen=True)
class Finding:
    """One thing to mend in a flow: a sentence, and where; ``key`` is the step's there, else empty."""

    sentence: str
    place: Place
    key: str = ""


@dataclass(frozen=True)
class Available:
    """Something that an expression of a step can be: as it is written, its type in JSON Schema, and in words."""

    expression: str
    type: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """An input of a crew or flow: its type in JSON Schema, empty for any, and whether a run can do without it."""

    name: str
    type: str
    required: bool
    description: str = ""


def needs(part: Definition) -> list[Need]:
    """The inputs of a crew or flow: the words in braces, or the fields of the state."""
    if part.is_flow:
        return [
            Need(each.name, each.type, each.required and each.default is None, each.description)
            for each in state.fields(part.state)
        ]
    return [Need(name, ANY, True) for name in placeholders.needed(part)]


def flow_problems(flow: Definition) -> list[Finding]:
    """Everything that would keep a run of the flow from going well, the first to mend first.

    ``flow.parts`` are what its steps run, by name.
    """
    if problem := state.state_problem(flow.state):
        return [Finding(f"The state can’t be used. {problem}", Place.STATE)]
    if not flow.steps:
        return [Finding("It has no steps yet. Add at least one.", Place.NEW_STEP)]
    graph = Graph(flow)
    return [*_ways(graph), *_joins(graph), *_loops(graph), *_contents(graph), *_writers(graph)]


def available(flow: Definition, key: str | None) -> list[Available]:
    """What expressions of the step can look at, or of a new one at the end where there is no key."""
    graph = Graph(flow)
    before = graph.before(key) if key in graph.steps else set(graph.steps)
    found = [_of_field("state", each) for each in state.fields(flow.state)]
    found += [_of_field("inputs", each) for each in state.fields(flow.state)]
    for step in flow.steps:
        if step.key in before:
            found += [
                Available(
                    f"outputs.{step.key}.{offer.path}",
                    offer.type,
                    f"{step.name}: {offer.description}" if offer.description else step.name,
                    offer.schema,
                )
                for offer in graph.offers(step)
            ]
    this = graph.steps.get(key or "")
    if this is not None and this.kind == "each":
        found += [Available("item", ANY, "the item", {}), Available("number", "integer", "which item, from 1", {})]
    return found


def _of_field(root: str, each: StateField) -> Available:
    when = "at the start" if root == "inputs" else ""
    said = ", ".join(filter(None, [each.description, when]))
    return Available(f"{root}.{each.name}", each.type, said, each.schema)


def _ways(graph: Graph) -> Iterator[Finding]:
    """Steps that are never reached, and outcomes that lead nowhere."""
    taken: dict[str, set[str]] = defaultdict(set)
    for step in graph.flow.steps:
        for each in step.after:
            if each.step != START and each.step not in graph.steps:
                said = f"“{step.name}” comes after a step that is not there any more."
                yield Finding(f"{said} Choose what it comes after.", Place.STEP, step.key)
            elif not graph.has(each):
                before = graph.steps[each.step].name
                said = f"“{step.name}” waits for “{before}” to come to “{each.outcome}”, which it never does."
                yield Finding(f"{said} Choose another outcome.", Place.STEP, step.key)
            else:
                taken[each.step] |= {each.outcome} if each.outcome else set(graph.outcomes(each.step))
    if START in graph.reached and len(graph.reached) == 1:
        first = graph.flow.steps[0]
        said = "Nothing comes first, so the flow never begins."
        yield Finding(f"{said} Let a step come after the start.", Place.STEP, first.key)
        return
    for step in graph.flow.steps:
        if step.key not in graph.reached:
            said = f"Nothing leads to “{step.name}”, so it is never done."
            yield Finding(f"{said} Choose what it comes after, or remove it.", Place.STEP, step.key)
            continue
        kind, settings = graph.kind(step), graph.settings(step)
        ends = {*kind.ends(settings)} if kind else set()
        for outcome in graph.outcomes(step.key):
            if outcome and outcome not in taken[step.key] | ends:
                said = f"When “{step.name}” comes to “{outcome}”, nothing follows."
                yield Finding(f"{said} Add a step after it, or say that the flow ends there.", Place.STEP, step.key)


def _joins(graph: Graph) -> Iterator[Finding]:
    """Steps that wait for what never comes together, or would be done twice."""
    for step in graph.flow.steps:
        entries = graph.after(step)
        if step.key not in graph.reached or len(entries) < 2:
            continue
        early = [each for each in entries if (each.step, step.key) not in graph.back]
        if step.join == "all":
            if late := [each for each in entries if each not in early]:
                said = f"“{step.name}” waits for “{graph.steps[late[0].step].name}”, which only comes after it."
                yield Finding(f"{said} Let it wait for any of them.", Place.STEP, step.key)
            elif graph.ways is not None and not graph.ways.get(step.key, True):
                names = " and ".join(_said(graph, each) for each in entries)
                said = f"“{step.name}” waits for {names}, which never come together."
                yield Finding(f"{said} Let it wait for any of them.", Place.STEP, step.key)
        elif graph.ways is not None and (both := _together(graph, early)):
            names = " and ".join(_said(graph, each) for each in both)
            said = f"“{step.name}” waits for any of {names}, but both can come, and it would be done twice."
            yield Finding(f"{said} Let it wait for all of them.", Place.STEP, step.key)


def _together(graph: Graph, entries: list[AfterPlan]) -> tuple[AfterPlan, AfterPlan] | None:
    """Two that can both come in one run."""
    assert graph.ways is not None
    for number, one in enumerate(entries):
        for other in entries[number + 1 :]:
            pairs = product(graph.ways_of(one, graph.ways), graph.ways_of(other, graph.ways))
            if any(possible(first | second) for first, second in pairs):
                return one, other
    return None


def _said(graph: Graph, each: AfterPlan) -> str:
    name = f"“{graph.steps[each.step].name}”" if each.step in graph.steps else "the start"
    return f"{name} ({each.outcome})" if each.outcome else name


def _loops(graph: Graph) -> Iterator[Finding]:
    """Loops that nothing leads out of."""
    for loop in graph.loops:
        if not loop <= graph.reached:
            continue
        if not any(_leads_out(graph, key, loop) for key in loop):
            first = next(step for step in graph.flow.steps if step.key in loop)
            names = ", ".join(f"“{step.name}”" for step in graph.flow.steps if step.key in loop)
            said = f"{names} go round without an end." if len(loop) > 1 else f"{names} comes after itself for ever."
            yield Finding(f"{said} Add a step that decides when it is enough.", Place.STEP, first.key)


def _leads_out(graph: Graph, key: str, loop: set[str]) -> bool:
    """Whether one of the step's outcomes leads to nothing in the loop."""
    inside = {
        outcome
        for other in loop
        for each in graph.after(graph.steps[other])
        if each.step == key
        for outcome in ([each.outcome] if each.outcome else graph.outcomes(key))
    }
    return bool(set(graph.outcomes(key)) - inside)


def _contents(graph: Graph) -> Iterator[Finding]:
    """What is wrong with what each step runs, is given and says."""
    fields = {each.name: each for each in state.fields(graph.flow.state)}
    for step in graph.flow.steps:
        kind, settings = graph.kind(step), graph.settings(step)
        if kind is None:
            said = f"Nobody knows how to do “{step.name}” ({step.kind}) here."
            yield Finding(f"{said} Remove it or choose another kind.", Place.STEP, step.key)
            continue
        yield from _target(graph, step, kind)
        for sentence in kind.faults(settings).values():
            yield Finding(f"“{step.name}”: {sentence}", Place.STEP_SETTINGS, step.key)
        look = _Look(graph, step, fields)
        for each in kind.says(settings):
            if each.text.strip():
                yield from (
                    Finding(f"“{step.name}”: {problem}", Place.STEP_SETTINGS, step.key)
                    for problem in look.problems(each, f"“{_title(kind, each.setting)}”", strictly=True)
                )
        yield from _inputs(graph, step, look)
        yield from _result(graph, step, kind, fields)
        yield from _links(graph, step)


def _target(graph: Graph, step: StepPlan, kind: StepKind) -> Iterator[Finding]:
    if not kind.runs:
        return
    part, what = graph.part(step), " or ".join(kind.runs)
    if part is None:
        said = f"The {what} that “{step.name}” runs has been deleted, or was never chosen."
        yield Finding(f"{said} Choose one.", Place.STEP, step.key)
    elif ("flow" if part.is_flow else "crew") not in kind.runs:
        yield Finding(f"“{step.name}” must run a {what}. Choose one.", Place.STEP, step.key)
    elif graph.flow.name in _all_inside(part, graph.flow.parts):
        said = f"“{step.name}” runs a flow that runs this one, so it would never end."
        yield Finding(f"{said} Choose another flow.", Place.STEP, step.key)


def _all_inside(part: Definition, parts: Mapping[str, Definition]) -> set[str]:
    """The names of everything that the part's steps run, and its own."""
    found, waiting = {part.name}, [part]
    while waiting:
        for step in waiting.pop().steps:
            if step.target and step.target not in found:
                found.add(step.target)
                waiting += [parts[step.target]] if step.target in parts else []
    return found


def _inputs(graph: Graph, step: StepPlan, look: _Look) -> Iterator[Finding]:
    part = graph.part(step)
    known = needs(part) if part else [Need(name, ANY, True) for name in asked_for(step)]
    for need in known:
        text = step.inputs.get(need.name, "")
        if not text.strip():
            if need.required:
                said = f"“{step.name}” needs “{need.name}”."
                yield Finding(f"{said} Say where it comes from.", Place.STEP, step.key)
            continue
        written = Said(need.name, text, need.type, item=step.kind == "each")
        for problem in look.problems(written, f"the input “{need.name}”"):
            yield Finding(f"“{step.name}”: {problem}", Place.STEP, step.key)


def setting_faults(
    kind: StepKind, settings: StepSettings, inputs: Mapping[str, str], state: Collection[str]
) -> dict[str, str]:
    """What is wrong with a step's settings and inputs by themselves, as sentences by field.

    An input is called ``inputs.<name>``. What they look at is not checked: that may still come. The names of the
    fields of the ``state`` only help to say what may be meant.
    """
    found = kind.faults(settings)
    said = [(each.setting, each) for each in kind.says(settings)]
    said += [(f"inputs.{name}", Said(name, text)) for name, text in inputs.items()]
    for where, each in said:
        in_a_loop = each.item or kind.name == "each"
        roots, known = (_IN_A_LOOP, _KNOWN_IN_A_LOOP) if in_a_loop else (ROOTS, _KNOWN)
        if each.text.strip() and (problem := cel.problem(each.text, roots, known, state=state)):
            found.setdefault(where, problem)
    return found


def asked_for(step: StepPlan) -> list[str]:
    """The inputs that a step fills in itself: the words in braces of a question to a model."""
    question = step.settings.get("question", "") if step.settings.get("by") == "model" else ""
    return placeholders.names([str(question)])


def _result(graph: Graph, step: StepPlan, kind: StepKind, fields: Mapping[str, StateField]) -> Iterator[Finding]:
    if not step.result:
        if kind.needs_result:
            yield Finding(f"“{step.name}” must say which field of the state it sets.", Place.STEP, step.key)
        return
    wanted = fields.get(step.result)
    if wanted is None:
        said = f"The result of “{step.name}” goes to “{step.result}”, which the state does not have."
        yield Finding(f"{said} Choose a field, or add it to the state.", Place.STEP, step.key)
        return
    given = kind.gives
    if step.kind == "set":
        text = getattr(graph.settings(step), "value", "")
        given = _Look(graph, step, fields).type_of(text) if text.strip() else ANY
        if why := _literal_misfit(text, wanted):
            yield Finding(f"“{step.name}” can’t set “{wanted.name}”: {why}", Place.STEP_SETTINGS, step.key)
            return
    if not _goes_into(given, wanted.type):
        said = f"The result of “{step.name}” is {_a(given)}, but “{wanted.name}” of the state is {_a(wanted.type)}."
        yield Finding(f"{said} Choose another field.", Place.STEP, step.key)


def _literal_misfit(text: str, wanted: StateField) -> str | None:
    """Why a value that is written down does not fit its field; ``None`` for what only a run can tell."""
    try:
        state.fitting(cel.literal(text), wanted.schema)
    except Undecided:
        return None
    except Misfit as why:
        return str(why)
    return None


def _links(graph: Graph, step: StepPlan) -> Iterator[Finding]:
    part, before = graph.part(step), graph.before(step.key)
    own = {task.name for task in part.tasks} if part else set()
    for link in step.links:
        source = graph.steps.get(link.step)
        other = graph.part(source) if source else None
        theirs = {task.name for task in other.tasks} if other else set()
        if DELETED in (link.task, link.depends_on):
            what = "waits for a task" if link.depends_on == DELETED else "gives a result to a task"
            said = f"“{step.name}” {what} that was deleted."
        elif link.task not in own or link.depends_on not in theirs:
            said = f"“{step.name}” connects a task that is not there any more."
        elif link.step not in before:
            # Tasks of crews that are not shared with the reader have no names here.
            said = f"“{step.name}” uses a result of “{graph.steps[link.step].name}”, which does not come before it."
        else:
            continue
        yield Finding(f"{said} Change its connected tasks.", Place.STEP, step.key)


def _writers(graph: Graph) -> Iterator[Finding]:
    """Steps whose results overwrite each other in the state, in an order that is different each time."""
    writers: dict[str, list[StepPlan]] = defaultdict(list)
    for step in graph.flow.steps:
        if step.result:
            writers[step.result].append(step)
    for field, each in writers.items():
        for number, step in enumerate(each):
            if other := next((other for other in each[:number] if graph.at_once(other.key, step.key)), None):
                said = f"“{other.name}” and “{step.name}” can go on at the same time and both set “{field}”"
                mend = "Let one come after the other, or let its result go to another field."
                yield Finding(f"{said}, so one result is lost. {mend}", Place.STEP, step.key)


class _Look:
    """What expressions of one step look at."""

    def __init__(self, graph: Graph, step: StepPlan, fields: Mapping[str, StateField]) -> None:
        self._graph, self._step, self._fields = graph, step, fields
        self._before = graph.before(step.key)

    def problems(self, said: Said, what: str, *, strictly: bool = False) -> Iterator[str]:
        """What is wrong with an expression, in sentences that begin with ``what`` it is.

        ``strictly`` says that its type must be the wanted one, and is not made so.
        """
        roots, known = (_IN_A_LOOP, _KNOWN_IN_A_LOOP) if said.item else (ROOTS, _KNOWN)
        if problem := cel.problem(said.text, roots, known, state=self._fields):
            yield f"{what} can’t be read. {problem}"
            return
        missing = [fault for path in sorted(cel.paths(said.text)) if (fault := self._fault(path))]
        yield from (f"{what} looks at {fault}" for fault in missing)
        given = self.type_of(said.text)
        if not missing and not (_is_of if strictly else _goes_into)(given, said.type):
            yield f"{what} is {_a(given)}, but must be {_a(said.type)}. Choose something else."

    def type_of(self, text: str) -> str:
        """The type of what an expression comes to, as far as it can be told from a path or a written value."""
        try:
            path = cel.path(text)
            if path is None:
                return _type(cel.literal(text))
        except Undecided:
            return ANY
        return _at(self._schema(path[:2]), path[2:]) if path[0] in ("state", "inputs") else self._output_type(path)

    def _fault(self, path: tuple[str, ...]) -> str | None:
        match path:
            case ("state" | "inputs" as root, name, *_) if name not in self._fields:
                return f"“{root}.{name}”, which the state does not have. Add it to the state, or choose something else."
            case ("outputs", key, *_) if key not in self._graph.steps:
                return f"“outputs.{key}”, but there is no such step. Choose something else."
            case ("outputs", key, *_) if key not in self._before:
                name = self._graph.steps[key].name
                return f"“outputs.{key}”, but “{name}” does not come before it. Choose something else."
            case ("outputs", key, name, *_) if not self._offers(key, name):
                return f"“outputs.{key}.{name}”, which “{self._graph.steps[key].name}” does not give."
        return None

    def _offers(self, key: str, name: str) -> bool:
        offers = self._graph.offers(self._graph.steps[key])
        return name in ("raw", "outcome") or any(_first(offer.path) == name for offer in offers)

    def _output_type(self, path: tuple[str, ...]) -> str:
        if len(path) < 3 or path[1] not in self._graph.steps:
            return "object" if path[0] == "outputs" else ANY
        written = ".".join(path[2:])
        offers = self._graph.offers(self._graph.steps[path[1]])
        return next((offer.type for offer in offers if offer.path == written), ANY)

    def _schema(self, path: tuple[str, ...]) -> Mapping[str, Any]:
        if len(path) < 2:
            return {"type": "object"}
        return self._fields[path[1]].schema if path[1] in self._fields else {}


def _title(kind: StepKind, setting: str) -> str:
    return kind.settings.model_fields[setting].title or setting


def _first(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _at(schema: Mapping[str, Any], path: tuple[str, ...]) -> str:
    for name in path:
        schema = schema.get("properties", {}).get(name, {})
    return str(schema.get("type", ANY))


def _type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "null"


def _goes_into(given: str, wanted: str) -> bool:
    """Whether a value of one type can be had as another: a text may say anything, and anything makes a text."""
    return "string" in (given, wanted) or _is_of(given, wanted)


def _is_of(given: str, wanted: str) -> bool:
    return ANY in (given, wanted) or given == wanted or (given, wanted) == ("integer", "number")


def _a(type_: str) -> str:
    return state.A.get(type_, "something else")
