"""File tools: whatever they are asked, they stay inside the directory of the run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crewai.tools import BaseTool

NAMES = frozenset({"DirectoryReadTool", "FileReadTool", "FileWriterTool"})


def build(kind: type[BaseTool], settings: dict[str, Any], run_dir: Path) -> BaseTool:
    """One of ``NAMES``, confined to ``run_dir``, which is made if need be."""
    run_dir.mkdir(parents=True, exist_ok=True)
    if kind.__name__ == "DirectoryReadTool":
        lister: BaseTool = _lister()(name="List files", description="Lists the files in a directory.", root=run_dir)
        return lister
    return kind(base_dir=str(run_dir), **settings)


@cache
def _lister() -> Any:
    """crewai_tools' own would list the directory that the bot was started in, and tell the server's paths."""
    from crewai.tools import BaseTool
    from crewai_tools.security.safe_path import validate_directory_path

    class ListFiles(BaseTool):
        root: Path

        def _run(self, directory: str = ".") -> str:
            try:
                found = Path(validate_directory_path(directory or ".", str(self.root)))
            except ValueError:
                return "Error: there is no such directory here."
            files = sorted(path.relative_to(self.root.resolve()) for path in found.rglob("*") if path.is_file())
            return "\n".join(map(str, files)) or "There are no files yet."

    return ListFiles
