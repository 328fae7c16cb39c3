"""The bot as ``crewcall start`` has it, but the import of CrewAI waits until a line is read."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec

from bot.cli import main


class Held:
    """An importer that finds nothing, and keeps whoever looks for CrewAI waiting."""

    def __init__(self) -> None:
        # The bot closes its standard input; this is the same pipe under another number.
        self._go_on = os.dup(0)

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name == "crewai":
            os.read(self._go_on, 1)
        return None


if __name__ == "__main__":
    sys.meta_path.insert(0, Held())
    sys.argv = ["crewcall", "start"]
    main()
