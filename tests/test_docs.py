"""The docs: every link leads somewhere, every command exists, every setting is described."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from bot.cli import cli
from bot.settings import MODEL_BY_KEY, Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EVERYTHING = "\n".join(page.read_text("utf-8") for page in PAGES if page.exists())

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"", page.read_text("utf-8")):
        link = "".join(target)
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), link
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), link


@each_page
def test_every_make_command_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w -]*):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    known = {word for target in targets for word in target.split()}

    assert set(re.findall(r"(?:`|^ *\$? ?)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)) <= known


@each_page
def test_every_crewcall_command_exists(page: Path) -> None:
    for line in re.findall(r"(?:`|^ *\$? ?)crewcall ([a-z][^`\n]*)", page.read_text("utf-8"), re.MULTILINE):
        command: click.Command = cli
        for word in line.split():
            if not isinstance(command, click.Group):
                break
            assert word in command.commands, line
            command = command.commands[word]
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word.partition("=")[0] for word in line.split() if word.startswith("--")} <= options | {"--help"}, line


@pytest.mark.parametrize("name", [str(field.validation_alias) for field in Settings.model_fields.values()])
def test_every_setting_is_described(name: str) -> None:
    assert f"`{name}`" in EVERYTHING


@pytest.mark.parametrize("name", MODEL_BY_KEY)
def test_every_key_that_chooses_a_model_is_described(name: str) -> None:
    assert f"`{name}`" in EVERYTHING


def test_every_make_target_is_offered_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    for target in set(phony.split()) - {"help"}:
        assert f"make {target}" in makefile, target
