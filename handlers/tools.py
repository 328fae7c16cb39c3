"""``/crew tools``: the workspace's tools, adding, editing, trying and removing them, and what is allowed."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.errors import UserError
from bot.services import Actor
from bot.services.tools import Tools
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.loading import loading, show
from bot.slack.text import escape
from handlers import tool_forms as forms
from handlers import tool_page as pages
from handlers.tool_page import tools_page
from store.tools import ToolDraft


def register(app: App, commands: Commands) -> None:
    """Answer the command, forms, menus and buttons about tools."""
    commands.add("tools", open_tools, example="/crew tools", summary="What your agents can use")
    app.action("tool.open")(push_tools)
    app.action("tool.add")(choose_kind)
    app.options("tool.kind")(offer_kinds)
    app.action("tool.kind")(ask_for_tool)
    app.view(forms.CREATE)(add_tool)
    app.view(forms.CHANGE)(change_tool)
    app.view(forms.FIND)(find_tools)
    app.action("tool.menu")(choose)
    app.view(forms.TRY)(try_tool)
    app.view("tool.remove")(remove_tool)
    app.action("tool.rules")(ask_for_rules)
    app.view(forms.RULES)(set_rules)


def open_tools(ack: Ack, words: Words, client: WebClient, tools: Tools, actor: Actor) -> None:
    ack()
    client.views_open(trigger_id=words.trigger_id, view=tools_page(tools, actor, place=words.channel, words=words.rest))


def push_tools(ack: Ack, body: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None) -> None:
    ack()
    client.views_push(trigger_id=body["trigger_id"], view=tools_page(tools, actor, place=place))


def choose_kind(ack: Ack, body: Json, client: WebClient, tools: Tools, place: str | None) -> None:
    ack()
    client.views_push(trigger_id=body["trigger_id"], view=pages.kinds_page(tools.found(""), place=place))


def offer_kinds(ack: Ack, payload: Json, tools: Tools) -> None:
    words = payload.get("value") or ""
    ack(**pages.kind_options(tools.found(words), words))


def ask_for_tool(
    ack: Ack, body: Json, action: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None
) -> None:
    ack()
    entry = tools.entry(action["selected_option"]["value"])
    meta = {"type": entry.name, "place": place, "page": body["view"]["previous_view_id"]}
    form = forms.settings_form(entry, forms.FIND if entry.name == "mcp" else forms.CREATE)
    notice = pages.about(entry, tools.lacks(entry, by=actor))
    client.views_update(view_id=body["view"]["id"], view=form.view(name=entry.title, meta=meta, notice=notice))


def add_tool(ack: Ack, view: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None) -> None:
    tool = tools.add(forms.answered(tools.entry(meta_of(view)["type"]), view), by=actor)
    ack()
    notice = f"*{escape(tool.name)}* is added. Choose it in an agent’s form."
    _show_page(client, meta_of(view)["page"], tools, actor, place, notice)


def choose(
    ack: Ack, body: Json, action: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None
) -> None:
    ack()
    what, _, tool_id = action["selected_option"]["value"].partition(":")
    window = {"edit": _edit_form, "try": _trial_form, "remove": _removal}[what]
    meta = {"tool": int(tool_id), "place": place, "page": body["view"]["id"]}
    client.views_push(trigger_id=body["trigger_id"], view=window(tools, int(tool_id), actor, meta))


def change_tool(ack: Ack, view: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None) -> None:
    meta = meta_of(view)
    draft = forms.answered(tools.entry(meta["type"]), view)
    tool = tools.change(meta["tool"], draft, version=meta["version"], by=actor)
    ack()
    _show_page(client, meta["page"], tools, actor, place, f"*{escape(tool.name)}* is saved.")


def find_tools(ack: Ack, view: Json, client: WebClient, tools: Tools, actor: Actor) -> None:
    meta = meta_of(view)
    draft = forms.answered(tools.entry(meta["type"]), view)
    chosen = tools.get(meta["tool"], by=actor).config.get("tools", []) if "tool" in meta else []
    tools.check(draft, by=actor)
    window = loading("MCP server", "Asking the server for its tools…")
    ack(response_action="update", view=window)

    def then(found: Any, refusal: UserError | None) -> None:
        shown = _choices(tools, draft, found, chosen, meta) if refusal is None else _again(tools, draft, refusal, meta)
        show(client, window, shown)

    tools.discover(draft, then, by=actor)


def try_tool(ack: Ack, view: Json, client: WebClient, tools: Tools, actor: Actor) -> None:
    tool = tools.get(meta_of(view)["tool"], by=actor)
    arguments = forms.asked_arguments(tools.entry(tool.tool_type), tool, view)
    tools.check_ready(tool, by=actor)
    window = loading("Try it", f"{tool.name} is at work…")
    ack(response_action="update", view=window)

    def then(said: Any, refusal: UserError | None) -> None:
        show(client, window, pages.outcome(tool, said, refusal))

    tools.try_out(tool.id, arguments, then, by=actor)


def remove_tool(ack: Ack, view: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None) -> None:
    tool = tools.remove(meta_of(view)["tool"], by=actor)
    ack()
    _show_page(client, meta_of(view)["page"], tools, actor, place, f"*{escape(tool.name)}* is removed.")


def ask_for_rules(ack: Ack, body: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None) -> None:
    ack()
    tools.admins.require(actor, "decide which tools are allowed")
    meta = {"place": place, "page": body["view"]["id"]}
    allowed = dict.fromkeys(tools.allowed(actor.team), True)
    client.views_push(trigger_id=body["trigger_id"], view=forms.RULES_FORM.view(allowed, meta=meta))


def set_rules(ack: Ack, view: Json, client: WebClient, tools: Tools, actor: Actor, place: str | None) -> None:
    rules = forms.RULES_FORM.read(view).model_dump()
    tools.allow([danger for danger, allowed in rules.items() if allowed], by=actor)
    ack()
    _show_page(client, meta_of(view)["page"], tools, actor, place, "The settings are saved.")


def _edit_form(tools: Tools, tool_id: int, actor: Actor, meta: Json) -> Json:
    tool = tools.get(tool_id, by=actor)
    entry = tools.entry(tool.tool_type)
    form = forms.settings_form(entry, forms.FIND if entry.name == "mcp" else forms.CHANGE)
    meta = {**meta, "type": entry.name, "version": tool.version}
    return form.view(forms.filled(tool), meta=meta, notice=pages.about(entry, tools.lacks(entry, by=actor)))


def _trial_form(tools: Tools, tool_id: int, actor: Actor, meta: Json) -> Json:
    tool = tools.get(tool_id, by=actor)
    entry = tools.entry(tool.tool_type)
    tools.check_ready(tool, by=actor)
    return forms.trial_view(entry, tool, meta)


def _removal(tools: Tools, tool_id: int, actor: Actor, meta: Json) -> Json:
    tool = tools.get(tool_id, by=actor)
    line = next(line for line in tools.lines(by=actor) if line.tool.id == tool.id)
    return pages.removal(line, meta)


def _choices(tools: Tools, draft: ToolDraft, found: list[tuple[str, str]], chosen: list[str], meta: Json) -> Json:
    """The form again, with the server's tools to choose from; all of them unless some were chosen before."""
    form = forms.settings_form(tools.entry(draft.tool_type), forms.CHANGE if "tool" in meta else forms.CREATE)
    names = [name for name, _ in found]
    values = {**forms.filled(draft), "setting_tools": [name for name in chosen if name in names] or names}
    options = {"setting_tools": [(name, f"{name}: {about}" if about else name) for name, about in found]}
    return form.view(values, meta=meta, options=options, notice="Choose the tools that agents may use.")


def _again(tools: Tools, draft: ToolDraft, refusal: UserError, meta: Json) -> Json:
    form = forms.settings_form(tools.entry(draft.tool_type), forms.FIND)
    return form.view(forms.filled(draft), meta=meta, notice=f"That didn’t work: {refusal.sentence}")


def _show_page(client: WebClient, view_id: str, tools: Tools, actor: Actor, place: str | None, notice: str) -> None:
    client.views_update(view_id=view_id, view=tools_page(tools, actor, place=place, notice=notice))
