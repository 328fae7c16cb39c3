"""The tools page, and the windows that it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.engine.tools.catalogue import DANGERS, Entry, grouped
from bot.errors import UserError
from bot.services import Actor
from bot.services.tools import ToolLine, Tools
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, escape, fit, fit_escaped
from store.tools import Tool

# Two rows each; Slack shows 100 rows in a window.
_MOST_TOOLS = 45
# A section of rich text holds 3,000 characters; the rest of a result is cut and said to be.
_RESULT = 2_900
_MOST_OPTIONS = 100
_MOST_LOSERS = 30


def tools_page(tools: Tools, actor: Actor, *, place: str | None, words: str = "", notice: str | None = None) -> Json:
    """The workspace's tools with ``words`` in their names; ``notice`` is a mrkdwn sentence on top."""
    lines = [line for line in tools.lines(by=actor) if words.casefold() in line.tool.name.casefold()]
    add = blocks.button("Add tool", "tool.add", style="primary")
    rules = [blocks.button("Settings", "tool.rules")] if tools.admins.is_admin(actor) else []
    rows = [
        *([blocks.alert(notice, "success")] if notice else []),
        blocks.section("A tool lets agents search, read pages, keep files or ask other services."),
        blocks.actions(add, *rules, block_id="tool.controls"),
        blocks.divider(),
        *(row for line in lines[:_MOST_TOOLS] for row in _rows(line)),
    ]
    if not lines and words:
        rows.append(
            blocks.context(f"No tool has “{fit_escaped(words, 100)}” in its name. `/crew tools` shows them all.")
        )
    elif not lines:
        rows.append(blocks.context("No tools yet. Add one, then choose it in an agent’s form."))
    if len(lines) > _MOST_TOOLS:
        more = count(len(lines) - _MOST_TOOLS, "tool")
        rows.append(blocks.context(f"and {more} more. Find one by a word of its name: `/crew tools WORD`."))
    return blocks.modal("Tools", rows, callback_id="tool.page", meta={"place": place})


def kinds_page(entries: Sequence[Entry], *, place: str | None) -> Json:
    """Where a kind of tool is chosen, found by typing."""
    select = {
        "type": "external_select",
        "action_id": "tool.kind",
        "min_query_length": 0,
        "placeholder": blocks.plain("Search, for example web search", 150),
    }
    groups = "\n".join(f"• {escape(name)} ({len(found)})" for name, found in grouped(entries).items())
    rows = [
        blocks.section("*Which kind of tool?*", accessory=select, block_id="kind"),
        blocks.section(f"{len(entries)} kinds:\n{groups}"),
    ]
    return blocks.modal("Add tool", rows, callback_id="tool.kinds", close="Cancel", meta={"place": place})


def kind_options(entries: Sequence[Entry], words: str) -> Json:
    """What the search offers: by group, or the likeliest first where something was typed."""
    if words.strip():
        return {"options": [_option(entry) for entry in entries[:_MOST_OPTIONS]]}
    groups = [
        {"label": blocks.plain(name, 75), "options": [_option(entry) for entry in found[:_MOST_OPTIONS]]}
        for name, found in grouped(entries).items()
    ]
    return {"option_groups": groups}


def about(entry: Entry, lacks: Sequence[str]) -> str:
    """What stands above the form: what the kind does, and what is missing here."""
    missing = "".join(f"\n• {lack}" for lack in lacks)
    return f"{entry.title}: {entry.description}" + (f"\nBefore agents can use it:{missing}" if missing else "")


def removal(line: ToolLine, meta: Json) -> Json:
    """“Are you sure?”, with who loses the tool."""
    text = f"Remove *{escape(line.tool.name)}*?"
    losers = [f"• {escape(agent.name)} ({escape(crew)})" for agent, crew in line.holders[:_MOST_LOSERS]]
    if more := len(line.holders) - len(losers):
        losers.append(f"• and {count(more, 'agent')} more")
    if line.hidden:
        losers.append(f"• {count(line.hidden, 'agent')} in crews that are not shared with you")
    text += "\nThese agents lose it:\n" + "\n".join(losers) if losers else " No agent has it."
    return blocks.modal(
        "Remove tool", [blocks.section(text)], callback_id="tool.remove", submit="Remove", close="Cancel", meta=meta
    )


def outcome(tool: Tool, said: str | None, refusal: UserError | None) -> Json:
    """What came out when somebody tried a tool."""
    if refusal is not None:
        return failure("Try it", refusal)
    text = (said or "").strip()
    rows = [
        blocks.alert(f"*{escape(tool.name)}* answered.", "success"),
        blocks.rich_text(fit(text, _RESULT) if text else "It said nothing."),
    ]
    if len(text) > _RESULT:
        rows.append(blocks.context(f"This is the beginning; the whole answer has {len(text):,} characters."))
    return blocks.modal("Try it", rows, callback_id="tool.outcome")


def failure(title: str, refusal: UserError) -> Json:
    """Why nothing came out."""
    note = blocks.alert(f"*That didn’t work:* {fit_escaped(refusal.sentence, 2_000)}")
    return blocks.modal(title, [note], callback_id="tool.outcome")


def _rows(line: ToolLine) -> Iterable[Json]:
    tool = line.tool
    kind = line.entry.title if line.entry else tool.tool_type
    named = [f"{agent.name} ({crew})" for agent, crew in line.holders]
    others = [f"{count(line.hidden, 'agent')} in other crews"] if line.hidden else []
    who = ", ".join([*named, *others]) or "no agent yet"
    menu = blocks.overflow(
        "tool.menu",
        blocks.option("Edit", f"edit:{tool.id}"),
        blocks.option("Try it", f"try:{tool.id}"),
        blocks.option("Remove…", f"remove:{tool.id}"),
    )
    text = f"*{escape(tool.name)}* · {escape(kind)}\n{fit_escaped(who, 300)}"
    yield blocks.section(text, accessory=menu, block_id=f"tool-{tool.id}")
    if line.problem:
        yield blocks.context(f":warning: {escape(line.problem)}")


def _option(entry: Entry) -> Json:
    off = " · off until allowed" if entry.danger in DANGERS else ""
    return blocks.option(entry.title, entry.name, f"{fit(entry.description, 50)}{off}" or entry.group)
