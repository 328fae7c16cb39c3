"""The bot as ``crewcall start`` has it, but the import of CrewAI waits until a line is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from bot.cli import main


class Held(MetaPathFinder, Loader):
    """Finds CrewAI where it is, and begins with its code when told to."""

    def __init__(self) -> None:
        # The bot closes its standard input; this is the same pipe under another number.
        self._go_on = os.dup(0)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name == "crewai" else None
        if spec:
            self._loader, spec.loader = spec.loader, self
        return spec

    def exec_module(self, module: ModuleType) -> None:
        # Waiting any earlier would stop every other import too.
        os.read(self._go_on, 1)
        assert self._loader
        self._loader.exec_module(module)


if __name__ == "__main__":
    sys.meta_path.insert(0, Held())
    sys.argv = ["crewcall", "start"]
    main()
