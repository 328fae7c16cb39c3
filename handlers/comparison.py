"""Two versions of a crew side by side: in a window, and in a thread for everybody in the channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from bot.services import Actor
from bot.services.differences import Difference, differences
from bot.services.history import Pair
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.gate import Gate
from bot.slack.text import count, escape, fit_escaped

_MOST_VERSIONS = 100
# A message takes 50 blocks of 3,000 characters, and 12,000 characters or so are pleasant to read.
_ROWS = 8


def comparison(pair: Pair, meta: Json) -> Json:
    """What is different between two versions, of which the first can be brought back."""
    then, now = pair.then, pair.now
    meta = {**meta, "version": then.number}
    rows = list(_rows(differences(then.definition, now.definition)))
    intro = f"What has changed from version {then.number} to version {now.number}:"
    if not rows:
        newest = then.number == now.number == pair.newest
        intro = f"Version {then.number} is {'the newest one' if newest else f'the same as version {now.number}'}."
    head = [blocks.section(intro, accessory=_against(pair), block_id="history.intro")]
    post = blocks.button("Post in the channel", "history.post", str(now.number))
    if rows and meta.get("place"):
        head.append(blocks.actions(post, block_id="history.controls"))
    if not (rows and pair.may_roll_back):
        return blocks.modal(f"Version {then.number}", [*head, *rows], callback_id="history.compared", meta=meta)
    back = blocks.context(f"*Roll back* makes the crew again what it was in version {then.number}, as a new version.")
    return blocks.modal(
        f"Version {then.number}",
        [*head, *rows, blocks.divider(), back],
        callback_id="history.roll_back",
        submit="Roll back",
        meta=meta,
    )


def in_thread(gate: Gate, actor: Actor, channel: str, pair: Pair) -> None:
    """Post what is different into the channel: a message that says what it is about, and the rest in its thread."""
    then, now = pair.then, pair.now
    found = differences(then.definition, now.definition)
    name = escape(now.definition.name)
    said = f"*{name}*: {count(len(found), 'change')} from version {then.number} to version {now.number}"
    text = f"{now.definition.name}: what has changed"
    posted = gate.post(channel, text, [blocks.section(f"{said}, shown by <@{actor.user}>")], team=actor.team)

    def go_on(parent: Future[str]) -> None:
        if parent.exception():
            gate.post(actor.user, "I can’t post in that channel. Invite me there first.", team=actor.team)
            return
        rows = list(_rows(found))
        for at in range(0, len(rows), _ROWS):
            gate.post(channel, text, rows[at : at + _ROWS], thread_ts=parent.result(), team=actor.team)

    posted.add_done_callback(go_on)


def _against(pair: Pair) -> Json | None:
    """The choice of the version to compare with, the newest ones first; nothing where there is no other."""
    numbers = [number for number in range(pair.newest, 0, -1) if number != pair.then.number][:_MOST_VERSIONS]
    if not numbers:
        return None
    chosen = {"initial_option": _option(pair.now.number)} if pair.now.number in numbers else {}
    return {
        "type": "static_select",
        "action_id": "history.against",
        "placeholder": blocks.plain("Compare with …", 150),
        "options": [_option(number) for number in numbers],
        **chosen,
    }


def _option(number: int) -> Json:
    return blocks.option(f"Version {number}", str(number))


def _rows(found: Iterable[Difference]) -> Sequence[Json]:
    rows = []
    for difference in found:
        text = f"*{fit_escaped(difference.sentence, 300)}*"
        if difference.old is not None and difference.new is not None:
            text += f"\nBefore: {fit_escaped(difference.old, 1_000)}\nNow: {fit_escaped(difference.new, 1_000)}"
        rows.append(blocks.section(text))
    return rows
