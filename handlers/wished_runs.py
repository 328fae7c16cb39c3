"""Runs that somebody asks for in a sentence: started where everything is known, asked about where it is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bot.services.crews import CrewSheet
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import escape, fit, fit_escaped
from bot.slack.wishes import Meant

ACTION = "wish.run"
# What a button can carry; what somebody said beyond that is asked for again.
_MOST = 1_900


def known_inputs(asked: Sequence[str], inputs: Mapping[str, str], about: str) -> dict[str, str]:
    """What is known of the inputs that a crew asks for: those written out, and for the only one left ``about``."""
    known = {name: inputs[name] for name in asked if inputs.get(name)}
    left = [name for name in asked if name not in known]
    return {**known, left[0]: about} if len(left) == 1 and about else known


def ask_which(meant: Meant) -> list[Json]:
    """Which crew was meant? With a button for each that may have been."""
    if not meant.name:
        said = "Which crew? Write for example `run market research about tides`."
    elif meant.close:
        said = f"There is no crew called “{fit_escaped(meant.name, 200)}”. Did you mean …?"
    else:
        said = f"There is no crew called “{fit_escaped(meant.name, 200)}”."
    buttons = [
        blocks.button(f"Run {name}", f"{ACTION}.{number}", carried(crew_id, meant.inputs, meant.about))
        for number, (crew_id, name) in enumerate(meant.close)
    ]
    others = blocks.button("All crews", "do.list", accessibility_label="List all crews")
    return [blocks.section(said), blocks.actions(*buttons, others, block_id="wish.which")]


def ask_for_rest(sheet: CrewSheet, known: Mapping[str, str], about: str, place: str = "") -> list[Json]:
    """What is still needed, with a button that opens the form for it; the run goes to the channel ``place``, if any."""
    missing = [name for name in sheet.inputs if not known.get(name)]
    needs = ", ".join(f"`{escape(name)}`" for name in missing) or "a look at its inputs"
    value = carried(sheet.crew.id, known, about, ask=True, place=place)
    button = blocks.button(
        "Fill in", f"{ACTION}.ask", value, style="primary", accessibility_label=f"Fill in what {sheet.crew.name} needs"
    )
    return [blocks.section(f"*{escape(sheet.crew.name)}* still needs {needs}.", accessory=button)]


def carried(crew_id: int, inputs: Mapping[str, str], about: str, *, ask: bool = False, place: str = "") -> str:
    """What a button carries: the crew, what is known, whether to ask in any case, and where the run is to be."""
    kept = {"crew": crew_id, "inputs": dict(inputs), "about": about, "ask": ask, "place": place}
    value = json.dumps(kept, ensure_ascii=False)
    if len(value) <= _MOST:
        return value
    return json.dumps({**kept, "inputs": {}, "about": fit(about, 500), "ask": True}, ensure_ascii=False)


def carried_back(action: Json) -> tuple[int, dict[str, str], str, bool, str]:
    """The crew's id, the inputs, the words after its name, whether to ask in any case, and the run's channel if any."""
    carried = json.loads(action["value"])
    inputs = {str(name): str(value) for name, value in carried["inputs"].items()}
    return int(carried["crew"]), inputs, str(carried["about"]), bool(carried["ask"]), str(carried.get("place") or "")
