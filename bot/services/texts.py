"""Checks of the texts that people write for agents and tasks."""

from __future__ import annotations

from bot.engine import placeholders
from bot.errors import FormRefused


def refuse_malformed(**texts: str) -> None:
    """Raise ``FormRefused`` at the first field with something that looks like a placeholder but is none."""
    for field, text in texts.items():
        if odd := placeholders.malformed(text):
            sentence = (
                f"“{odd[0]}” can’t be filled in at a run. Write placeholders like {{topic}} or {{due_date}}: "
                "one word of letters, digits, - or _, starting with a letter."
            )
            raise FormRefused(fields={field: sentence})
