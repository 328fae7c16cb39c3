"""The pages of limits, of a workspace and of a crew."""

from __future__ import annotations

from collections.abc import Iterable

from bot.services.limits import CrewSheet, WorkspaceSheet
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, escape
from store.limits import CrewLimits, LimitPause
from store.usage import Used, dollars

# What a run waits for is offered twice as much of.
_MORE = 2


def workspace_page(sheet: WorkspaceSheet, *, notice: str | None = None) -> Json:
    """What the workspace's runs may take, and what they took this month."""
    change = blocks.button("Change", "limits.change_workspace", accessibility_label="Change the workspace’s limits")
    rows = [
        *([blocks.alert(escape(notice), "success")] if notice else []),
        blocks.section("*Limits of this workspace*", accessory=change if sheet.may_change else None),
        *_decided(sheet.limits),
        blocks.divider(),
        blocks.section(f"*Used this month*\nAll runs: {used(sheet.workspace)}\nYours: {used(sheet.reader)}"),
        blocks.context("At a limit a run pauses and asks in its thread. Each crew may have lower limits of its own."),
    ]
    if not sheet.may_change:
        rows.append(blocks.context(f"Administrators of this workspace change this. Ask {escape(sheet.whom_to_ask)}."))
    return blocks.modal("Limits", rows, callback_id="limits.workspace_page")


def crew_page(sheet: CrewSheet, *, notice: str | None = None) -> Json:
    """What the runs of a crew may take, and what they took this month."""
    label = f"Change the limits of {sheet.crew.name}"
    change = blocks.button("Change", "limits.change_crew", str(sheet.crew.id), accessibility_label=label)
    rows = [
        *([blocks.alert(escape(notice), "success")] if notice else []),
        blocks.section(f"*Limits of {escape(sheet.crew.name)}*", accessory=change if sheet.may_change else None),
        *_decided(sheet.limits),
        blocks.divider(),
        blocks.section(f"*Used this month*\nAll its runs: {used(sheet.used)}"),
        blocks.context("The workspace’s limits count besides: `/crew limits`."),
        blocks.context(_INSIDE[sheet.crew.kind]),
    ]
    if not sheet.may_change:
        rows.append(blocks.context(f"Its owner changes this: <@{sheet.crew.owner}>."))
    return blocks.modal("Limits", rows, callback_id="limits.crew_page")


def asked(pause: LimitPause) -> dict[str, float]:
    """What the form for more begins with."""
    most = max(pause.most, pause.used) * _MORE
    return {"most": round(most, 2) if pause.name.endswith("_cost") else round(most)}


def used(told: Used) -> str:
    """Tokens and money in words; money only where a price is known."""
    words = count(told.tokens, "token")
    return words if told.cost is None else f"{words} · {dollars(told.cost)}"


_INSIDE = {
    "crew": "Where it works inside a flow, these limits hold for what it uses in each run of the flow.",
    "flow": "They hold for everything inside it together; its crews’ own limits count besides.",
}


def _decided(limits: CrewLimits) -> Iterable[Json]:
    lines = [
        f"{info.title}: *{value:,}*"
        for name, info in type(limits).model_fields.items()
        if (value := getattr(limits, name)) is not None
    ]
    yield blocks.section("\n".join(lines) or "None.")
