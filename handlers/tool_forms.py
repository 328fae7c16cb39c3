"""Forms made from what a kind of tool says about itself: its settings, and its arguments when it is tried."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, create_model

from bot.engine.tools.catalogue import DANGERS, Entry, Setting
from bot.engine.tools.toolbox import SECRET_PREFIX
from bot.slack.blocks import Json, modal, section
from bot.slack.forms import Checkbox, Choices, Form, Lines, Select, Text
from bot.slack.text import escape
from bot.slack.widgets import Widget
from store.names import Name
from store.tools import Tool, ToolDraft

CREATE, CHANGE, FIND, TRY, RULES = "tool.create", "tool.change", "tool.find", "tool.try", "tool.rules"

# The fields of settings and arguments, which may be called as the form's own.
_SETTING, _ARGUMENT = "setting_", "argument_"
_LONGEST = 3_000
_SECRET_HINT = (
    f"The name of an environment variable of the server, which begins with {SECRET_PREFIX}. "
    "Only administrators can set it."
)


class ToolRules(BaseModel):
    """What an administrator allows."""

    code: bool = Field(False, title="Code", description=DANGERS["code"])
    files: bool = Field(False, title="Files", description=DANGERS["files"])
    database: bool = Field(False, title="Databases", description=DANGERS["database"])
    private: bool = Field(False, title="Private addresses", description=DANGERS["private"])


RULES_FORM = Form(
    ToolRules,
    callback_id=RULES,
    title="Tool settings",
    widgets=dict.fromkeys(ToolRules.model_fields, Checkbox(label="Allow")),
)


def settings_form(entry: Entry, callback_id: str) -> Form[BaseModel]:
    """The form for tools of this kind; ``FIND`` asks for a server's address, before its tools are known."""
    if callback_id == FIND:
        return _settings_form(entry, callback_id, "Find tools", without="tools")
    return _settings_form(entry, callback_id, "Add" if callback_id == CREATE else "Save", without="")


def filled(tool: Tool | ToolDraft) -> dict[str, object]:
    """A tool as the values of its form."""
    settings = {_SETTING + name: value for name, value in tool.config.items()}
    return {"name": tool.name, "description": tool.description, **settings}


def answered(entry: Entry, view: Json) -> ToolDraft:
    """The tool as answered in ``settings_form``; raise ``FormRefused``."""
    answers = settings_form(entry, view["callback_id"]).read(view).model_dump()
    config = {
        setting.name: value
        for setting in entry.settings
        if (value := answers.get(_SETTING + setting.name)) not in (None, "", []) and value != setting.default
    }
    return ToolDraft(
        name=answers["name"], description=answers["description"] or "", tool_type=entry.name, config=config
    )


def trial_view(entry: Entry, tool: Tool, meta: Json) -> Json:
    """The window that asks what the tool is to be asked, or only whether, where its settings say everything."""
    form = _trial_form(entry, tool)
    if form is None:
        rows = [section(f"Try *{escape(tool.name)}* with its own settings?")]
        return modal("Try it", rows, callback_id=TRY, submit="Try it", close="Cancel", meta=meta)
    return form.view(meta=meta, notice=f"What shall {tool.name} be asked?")


def asked_arguments(entry: Entry, tool: Tool, view: Json) -> dict[str, Any]:
    """The arguments as answered in ``trial_view``, without the empty ones; raise ``FormRefused``."""
    form = _trial_form(entry, tool)
    # An argument written as JSON is no longer the text that its field was.
    answers = dict(form.read(view)) if form else {}
    return {
        name.removeprefix(_ARGUMENT): value
        for name, value in answers.items()
        if value is not None and value not in ("", [])
    }


def _trial_form(entry: Entry, tool: Tool) -> Form[BaseModel] | None:
    # What the settings say already is not asked.
    asked = [setting for setting in entry.arguments if not tool.config.get(setting.name)]
    widgets = _widgets(asked, _ARGUMENT)
    if entry.name == "mcp" and (chosen := tool.config.get("tools")):
        one_of = Setting(name="tool", title="Tool", type="choice", choices=tuple(chosen), required=True)
        asked = [one_of if setting.name == "tool" else setting for setting in asked]
        widgets[f"{_ARGUMENT}tool"] = Select(labels={name: name for name in chosen})
    if not asked:
        return None
    draft = create_model("Arguments", **_fields(asked, _ARGUMENT))
    return Form(draft, callback_id=TRY, title="Try it", submit="Try it", widgets=widgets)


def _settings_form(entry: Entry, callback_id: str, submit: str, *, without: str) -> Form[BaseModel]:
    settings = [setting for setting in entry.settings if setting.name != without]
    about = "Told to the agents that have it, before the tool’s own words. May stay empty."
    own = {
        "name": (Name, Field(title="Name")),
        "description": (str, Field("", title="What it is for", max_length=_LONGEST, description=about)),
    }
    draft = create_model("ToolSettings", **own, **_fields(settings, _SETTING))  # type: ignore[call-overload]
    widgets: dict[str, Widget] = {"description": Text(multiline=True), **_widgets(settings, _SETTING)}
    if entry.name == "mcp" and not without:
        widgets[f"{_SETTING}tools"] = Choices(empty="The server has no tools.")
    title = "Edit tool" if callback_id == CHANGE else "New tool"
    return Form(draft, callback_id=callback_id, title=title, submit=submit, widgets=widgets)


def _widgets(settings: Iterable[Setting], prefix: str) -> dict[str, Widget]:
    kinds: Mapping[str, Widget] = {"lines": Lines(), "json": Text(multiline=True, placeholder="{}")}
    return {prefix + setting.name: kinds[setting.type] for setting in settings if setting.type in kinds}


def _fields(settings: Iterable[Setting], prefix: str) -> dict[str, Any]:
    return {prefix + setting.name: (_type(setting), _info(setting)) for setting in settings}


def _type(setting: Setting) -> Any:
    kinds: Mapping[str, Any] = {
        "text": str,
        "integer": int,
        "number": float,
        "boolean": bool,
        "lines": list[str],
        "json": Annotated[str, AfterValidator(_parsed)],
    }
    kind = Literal[setting.choices] if setting.type == "choice" else kinds[setting.type]
    may_be_nothing = not setting.required and setting.default is None and setting.type not in ("boolean", "lines")
    return kind | None if may_be_nothing else kind


def _info(setting: Setting) -> Any:
    limits: dict[str, Any] = {"max_length": _LONGEST} if setting.type in ("text", "json") else {}
    if setting.required:
        if setting.type in ("text", "lines", "json"):
            limits["min_length"] = 1
        return Field(title=setting.title, description=_hint(setting), **limits)
    empty: Mapping[str, object] = {"boolean": False, "lines": []}
    default = empty.get(setting.type) if setting.default is None else setting.default
    return Field(default, title=setting.title, description=_hint(setting), **limits)


def _hint(setting: Setting) -> str | None:
    if setting.secret:
        return f"{setting.description} {_SECRET_HINT}".strip()
    return setting.description or None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError('This is no JSON. Write it like {"query": "tea"}.') from None
