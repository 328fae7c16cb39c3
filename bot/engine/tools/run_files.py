"""What agents read of the files that were given to their run: text in parts, and pictures where the model can see."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from crewai.tools import BaseTool

READ, LOOK = "Read the run’s files", "Look at a picture"
# What a model is given at once, in characters.
PART = 20_000

_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
_BLIND = (
    "The model of this agent cannot see pictures, so “{name}” was not looked at. Say so in your answer, and that a "
    "model that can see has to be chosen for the agent."
)


class GivenFile(Protocol):
    """A file of a run, with what could be read of it."""

    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def cut(self) -> bool: ...


def tools_for(files: Sequence[GivenFile], path: Callable[[Any], Path], llm: Any) -> list[BaseTool]:
    """The tools for an agent whose model is ``llm``; none where the run was given no files."""
    if not files:
        return []
    listed = "\n".join(f"{file.number}. {file.name}: {_said(file)}" for file in files)
    read, look = _kinds()
    made: list[BaseTool] = [
        read(
            name=READ,
            description=f"Reads a file that was given with this work. The files:\n{listed}",
            files=list(files),
        )
    ]
    if any(file.kind == "picture" for file in files):
        said = f"Answers a question about a picture that was given with this work. The files:\n{listed}"
        made.append(look(name=LOOK, description=said, files=list(files), path=path, llm=llm))
    return made


def _said(file: GivenFile) -> str:
    if file.kind == "picture":
        return "a picture"
    return f"{file.kind}, {len(file.text):,} characters{', cut off there' if file.cut else ''}"


def _found(files: Sequence[GivenFile], wanted: str) -> GivenFile | None:
    """The file that a model means: by number, by name, or the only one."""
    named = wanted.strip().strip("“”\"'").casefold()
    found = [file for file in files if named in (str(file.number), file.name.casefold())]
    return (found or (list(files) if len(files) == 1 else [None]))[0]  # type: ignore[list-item]  # either a file or None


def _which(files: Sequence[GivenFile]) -> str:
    return f"Error: there is no such file. The files are: {', '.join(file.name for file in files)}."


@cache
def _kinds() -> Any:
    from crewai.tools import BaseTool

    class ReadFiles(BaseTool):
        files: list[Any]

        def _run(self, file: str, from_character: int = 0) -> str:
            found = _found(self.files, file)
            if found is None:
                return _which(self.files)
            if found.kind == "picture":
                return f"{found.name} is a picture. Use the tool “{LOOK}” for it."
            begin = max(0, from_character)
            part = found.text[begin : begin + PART]
            end = begin + len(part)
            more = f"\n\n(There is more: read on from character {end}.)" if end < len(found.text) else ""
            return (part or "(Nothing comes after that.)") + more

    class LookAtPicture(BaseTool):
        files: list[Any]
        path: Any
        llm: Any

        def _run(self, file: str, question: str) -> str:
            pictures = [each for each in self.files if each.kind == "picture"]
            found = _found(pictures, file)
            if found is None:
                return _which(pictures)
            if not self.llm.supports_multimodal():
                return _BLIND.format(name=found.name)
            where = self.path(found)
            if not where.exists():
                return f"Error: {found.name} is not kept any more."
            return str(self.llm.call([{"role": "user", "content": _shown(question, where.read_bytes())}]))

    return ReadFiles, LookAtPicture


def _shown(question: str, content: bytes) -> list[dict[str, Any]]:
    kind = next((kind for mark, kind in _TYPES.items() if content.startswith(mark)), "image/png")
    url = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return [{"type": "text", "text": question}, {"type": "image_url", "image_url": {"url": url}}]
