"""What the few functions of Python and its packages do that say what a project is: paths, files, texts, variables."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bot.projects.python.values import (
    Config,
    External,
    FileRef,
    Made,
    Method,
    Scope,
    Unknown,
    Value,
    named,
    word_for,
)

if TYPE_CHECKING:
    from bot.projects.python.reading import Reading

BUILTINS = {"str", "int", "float", "bool", "len", "list", "dict", "tuple", "set", "open", "range", "enumerate", "zip"}
BUILTINS |= {"print", "input", "sorted", "reversed", "getattr", "isinstance", "super", "filter", "map", "any", "all"}

_MOST_ITEMS = 500
_TEXT_METHODS = {"strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "replace", "removeprefix"}
_TEXT_METHODS |= {"removesuffix", "split", "splitlines", "startswith", "endswith", "join", "casefold", "expandtabs"}
_KICKOFFS = {"kickoff", "kickoff_async", "akickoff", "kickoff_for_each", "kickoff_for_each_async", "train", "test"}


def truth(value: Value) -> bool | None:
    """Whether the value counts as true; ``None`` where only a run would tell."""
    if isinstance(value, Unknown | External | Method | FileRef):
        return None
    if isinstance(value, str | int | float | list | dict | tuple | type(None)):
        return bool(value)
    return True


def items(value: Value, word: str) -> Iterator[Value]:
    """What a loop goes over; one unknown thing where it is not known."""
    match value:
        case list() | tuple():
            yield from value[:_MOST_ITEMS]
        case dict():
            yield from list(value)[:_MOST_ITEMS]
        case _:
            yield Unknown(word)


def percent(text: str, values: Value, node: ast.expr) -> Value:
    """``"%s" % value``, unknown values as placeholders."""
    parts = list(values) if isinstance(values, list | tuple) else [values]
    nodes: list[ast.expr] = node.elts if isinstance(node, ast.Tuple) else [node]
    if isinstance(values, dict) or len(parts) != text.count("%s") or text.replace("%%", "").count("%") != len(parts):
        return Unknown()
    return text % tuple(_spelt(part, each) for part, each in zip(parts, nodes, strict=True))


def call(
    reading: Reading, called: External, args: list[Value], kwargs: dict[str, Value], scope: Scope
) -> list[Value] | None:
    """What a known function gives, in a list of one; nothing for all others."""
    known = _FUNCTIONS.get(called.path) or _FUNCTIONS.get(f"*.{called.last}")
    return None if known is None else [known(reading, args, kwargs, scope)]


def call_method(
    reading: Reading, method: Method, args: list[Value], kwargs: dict[str, Value], scope: Scope | None
) -> Value:
    """What a method of plain data or of a package's object gives."""
    match method.of:
        case str():
            return _of_text(method.of, method.name, args, kwargs)
        case list():
            return _of_list(method.of, method.name, args)
        case dict():
            return _of_dict(method.of, method.name, args)
        case FileRef():
            return _of_file(reading, method.of, method.name, args, scope)
        case Made():
            return _of_made(method.of, method.name, args, kwargs)
    return Unknown(method.name)


def _of_text(text: str, name: str, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if name == "format":
        return _formatted(text, args, kwargs)
    if name == "join" and len(args) == 1 and isinstance(args[0], list):
        return text.join(each if isinstance(each, str) else "{" + _word(each) + "}" for each in args[0])
    if name in _TEXT_METHODS and all(isinstance(each, str | int) for each in args) and not kwargs:
        found = getattr(text, name)(*args)
        return list(found) if isinstance(found, list) else found
    return Unknown(name)


def _formatted(text: str, args: list[Value], kwargs: dict[str, Value]) -> Value:
    words = {name: value if isinstance(value, str | int | float) else f"{{{name}}}" for name, value in kwargs.items()}
    plain = [value if isinstance(value, str | int | float) else f"{{{_word(value)}}}" for value in args]
    try:
        return text.format(*plain, **words)
    except (KeyError, IndexError, ValueError, AttributeError):
        return text


def _of_list(items_: list[Value], name: str, args: list[Value]) -> Value:
    match name, args:
        case "append", [value] if len(items_) < _MOST_ITEMS:
            items_.append(value)
            return None
        case "extend", [list() as more] if len(items_) + len(more) < _MOST_ITEMS:
            items_.extend(more)
            return None
        case "insert", [int() as at, value] if len(items_) < _MOST_ITEMS:
            items_.insert(at, value)
            return None
        case "copy", []:
            return list(items_)
    return Unknown(name)


def _of_dict(of: dict[Any, Value], name: str, args: list[Value]) -> Value:
    match name, args:
        case "get", [str() | int() as key, *rest]:
            return of[key] if key in of else rest[0] if rest else Unknown(named(str(key)))
        case "items", []:
            return [[key, value] for key, value in of.items()]
        case "values", []:
            return list(of.values())
        case "keys", []:
            return list(of)
        case "copy", []:
            return of
        case "update", [dict() as more]:
            of.update(more)
            return None
        case "setdefault" | "pop", [str() as key, *rest]:
            return of.get(key, rest[0] if rest else Unknown(key))
    return Unknown(name)


def _of_file(reading: Reading, file: FileRef, name: str, args: list[Value], scope: Scope | None) -> Value:
    if name in ("joinpath", "with_name"):
        parts = [each for each in args if isinstance(each, str)]
        return FileRef("/".join([file.path, *parts]))
    if name in ("resolve", "absolute", "open", "expanduser", "as_posix"):
        return file
    if name in ("read_text", "read"):
        path = reading.source.near(file.path, to=scope.module.path if scope else "")
        return reading.source.files[path] if path and path.endswith((".txt", ".md", ".py")) else file
    return Unknown(name)


def _of_made(made: Made, name: str, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if made.last == "Crew" and name in _KICKOFFS:
        inputs = kwargs.get("inputs", args[0] if args else None)
        if isinstance(inputs, list):
            inputs = inputs[0] if inputs else None
        if isinstance(inputs, dict) and "kickoff inputs" not in made.kwargs:
            made.kwargs["kickoff inputs"] = inputs
        return Unknown("result")
    if name in ("bind", "with_config", "copy", "model_copy", "crew"):
        return made
    return Unknown(name)


# --- Functions -----------------------------------------------------------------------------------------------------


def _dedent(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    return textwrap.dedent(args[0]) if args and isinstance(args[0], str) else Unknown()


def _cleandoc(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    return inspect.cleandoc(args[0]) if args and isinstance(args[0], str) else Unknown()


def _environment(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    name = args[0] if args and isinstance(args[0], str) else ""
    default = args[1] if len(args) > 1 else kwargs.get("default")
    return Unknown(name) if default is None else default


def _joined_path(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    parts = [each.path if isinstance(each, FileRef) else each for each in args]
    return FileRef("/".join(part for part in parts if isinstance(part, str)))


def _opened(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    first = args[0] if args else kwargs.get("file")
    return first if isinstance(first, FileRef) else FileRef(first) if isinstance(first, str) else Unknown()


def _path(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    if not args or not isinstance(args[0], str | FileRef):
        return FileRef("")
    return _joined_path(reading, args, kwargs, scope)


def _loaded(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    file = args[0] if args else None
    return reading.config_file(file.path, scope.module.path) if isinstance(file, FileRef) else Unknown("config")


def _text(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    if not args:
        return ""
    value = args[0]
    if isinstance(value, FileRef):
        return value
    return str(value) if isinstance(value, str | int | float | bool | type(None)) else Unknown(_word(value))


def _number(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    value = args[0] if args else 0
    if not isinstance(value, str | int | float):
        return Unknown(_word(value))
    number = float(value)
    return int(number) if number.is_integer() else number


def _length(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    return len(args[0]) if args and isinstance(args[0], str | list | dict) else Unknown()


def _list(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    value = args[0] if args else []
    return list(value)[:_MOST_ITEMS] if isinstance(value, list | dict | tuple) else Unknown()


def _dict(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    first = args[0] if args else {}
    return {**first, **kwargs} if isinstance(first, dict) else dict(kwargs)


def _range(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    if not args or not all(isinstance(each, int) for each in args):
        return Unknown()
    numbers = range(*args)
    return list(numbers) if len(numbers) <= _MOST_ITEMS else Unknown()


def _enumerated(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    return [list(pair) for pair in enumerate(args[0])] if args and isinstance(args[0], list) else Unknown()


def _zipped(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    if not all(isinstance(each, list) for each in args):
        return Unknown()
    return [list(group) for group in zip(*args, strict=False)]


def _first(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    return args[0] if args else Unknown()


def _second(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    return args[1] if len(args) > 1 else Unknown()


def _nothing(reading: Reading, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> Value:
    return Unknown()


_FUNCTIONS: Mapping[str, Callable[[Reading, list[Value], dict[str, Value], Scope], Value]] = {
    "textwrap.dedent": _dedent,
    "*.dedent": _dedent,
    "inspect.cleandoc": _cleandoc,
    "os.getenv": _environment,
    "os.environ.get": _environment,
    "decouple.config": _environment,
    "os.path.join": _joined_path,
    "os.path.dirname": _first,
    "os.path.abspath": _first,
    "os.path.exists": _nothing,
    "os.getcwd": _path,
    "pathlib.Path": _path,
    "pathlib.Path.cwd": _path,
    "builtins.open": _opened,
    "codecs.open": _opened,
    "yaml.safe_load": _loaded,
    "yaml.full_load": _loaded,
    "yaml.load": _loaded,
    "json.load": _loaded,
    "json.loads": _loaded,
    "builtins.str": _text,
    "builtins.int": _number,
    "builtins.float": _number,
    "builtins.len": _length,
    "builtins.list": _list,
    "builtins.tuple": _list,
    "builtins.set": _list,
    "builtins.sorted": _list,
    "builtins.dict": _dict,
    "builtins.range": _range,
    "builtins.enumerate": _enumerated,
    "builtins.zip": _zipped,
    "builtins.print": _nothing,
    "builtins.input": _nothing,
    "builtins.getattr": _nothing,
    "builtins.isinstance": _nothing,
    "builtins.super": _nothing,
    "builtins.any": _nothing,
    "builtins.all": _nothing,
    "builtins.bool": _nothing,
    "copy.deepcopy": _first,
    "copy.copy": _first,
    "typing.cast": _second,
    "asyncio.run": _first,
    "asyncio.gather": _nothing,
}


def _spelt(value: Value, node: ast.expr) -> str:
    return str(value) if isinstance(value, str | int | float) else f"{{{named(word_for(node))}}}"


def _word(value: Value) -> str:
    if isinstance(value, Unknown):
        return named(value.name or "value")
    if isinstance(value, Config):
        return named(value.key)
    return named(value.hints[0]) if isinstance(value, Made) and value.hints else "value"
