"""The templates that come with Crewcall: each a folder in ``bot/templates`` that reads as any other project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.projects.bundle import Bundle
from bot.projects.documents import read_yaml
from bot.projects.reader import read
from bot.projects.source import from_folder

FOLDER = Path(__file__).parent.parent / "templates"


class Words(BaseModel):
    """``template.yaml``: what the gallery says about a template; ``before`` is what to do before the first run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    summary: str
    work: str
    before: str = ""


@dataclass(frozen=True)
class Packaged:
    """A template: the project, what is said about it, and the text that a run could come to."""

    words: Words
    bundle: Bundle
    example: str


@cache
def packaged_templates() -> Mapping[str, Packaged]:
    """All of them by their folders' names, in the order of the kinds of work and the titles."""
    found = {path.name: _packaged(path) for path in sorted(FOLDER.iterdir()) if path.is_dir()}
    return dict(sorted(found.items(), key=lambda each: (each[1].words.work, each[1].words.title)))


def _packaged(folder: Path) -> Packaged:
    told = folder / "template.yaml"
    words = Words.model_validate(read_yaml(told.read_text("utf-8"), told.name))
    return Packaged(words, read(from_folder(folder)), (folder / "example.md").read_text("utf-8").strip())
