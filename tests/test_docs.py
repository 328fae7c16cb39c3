"""The docs: every link leads somewhere, every command exists, every setting is described."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from pydantic.fields import FieldInfo

from bot.cli import cli
from bot.engine.steps import KINDS
from bot.engine.steps.kind import StepKind, StepSettings
from bot.events import RunEvent
from bot.settings import MODEL_BY_KEY, Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EVERYTHING = "\n".join(page.read_text("utf-8") for page in PAGES if page.exists())
SETTINGS = (ROOT / "docs/reference/settings.md").read_text("utf-8").splitlines()

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


@pytest.mark.parametrize("field", Settings.model_fields.values(), ids=lambda field: str(field.validation_alias))
def test_every_setting_is_in_the_table_with_its_default(field: FieldInfo) -> None:
    [row] = [line for line in SETTINGS if line.startswith(f"| `{field.validation_alias}` |")]

    assert str(field.title) in row
    assert row.endswith("| not set |" if field.default in (None, "") else f"| `{field.default}` |")


def test_the_table_has_no_setting_that_is_gone() -> None:
    rows = {line.split("`")[1] for line in SETTINGS if line.startswith("| `")}

    assert rows == {str(field.validation_alias) for field in Settings.model_fields.values()}


def test_the_commands_that_are_described_are_those_that_are_answered() -> None:
    handlers = "\n".join(path.read_text("utf-8") for path in (ROOT / "handlers").glob("*.py"))
    answered = re.findall(r"commands\.add\(\s*\"(\w+)\"", handlers)
    described = re.findall(r"^\| `/crew (\w+)", (ROOT / "docs/reference/commands.md").read_text("utf-8"), re.MULTILINE)

    assert "create" in answered
    assert sorted(described) == sorted(answered)


def test_the_commands_of_the_program_are_described() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")

    for name, command in cli.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {"": command}
        for word in inner:
            assert f"| `crewcall {f'{name} {word}'.strip()}" in page


def events(kind: type[RunEvent] = RunEvent) -> list[str]:
    """The names of the kinds of events that happen, rather than those they are made from."""
    inner = [name for each in kind.__subclasses__() for name in events(each)]
    return sorted(inner) or [kind.__name__]


@pytest.mark.parametrize("event", events())
def test_every_event_is_described(event: str) -> None:
    assert f"| `{event}` |" in (ROOT / "docs/reference/events.md").read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_of_step_is_described(kind: StepKind) -> None:
    page = (ROOT / "docs/reference/steps.md").read_text("utf-8")
    part = page.partition(f"### {kind.title}\n\n`{kind.name}`. {kind.description}\n")[2].partition("\n##")[0]
    described = re.findall(r"^\| (.+?) \| `(\w+)` \|", part, re.MULTILINE)

    assert part
    of_all = StepSettings.model_fields
    assert described == [
        (field.title, name) for name, field in kind.settings.model_fields.items() if name not in of_all
    ]
    for offer in kind.offers(kind.read({}), None):
        assert f"`outputs.<key>.{offer.path}`" in part


@each_page
def test_every_page_can_be_reached_and_speaks_of_no_particular_computer(page: Path) -> None:
    index = (ROOT / "docs/index.md").read_text("utf-8")

    assert page.name in ("README.md", "index.md") or str(page.relative_to(ROOT / "docs")) in index
    assert not re.search(r"/(home|root|Users|work|tmp)/|[A-Z]:\\", page.read_text("utf-8"))


def test_every_picture_is_shown_somewhere_and_small() -> None:
    for picture in (ROOT / "docs/images").iterdir():
        assert f"images/{picture.name}" in EVERYTHING, picture.name
        assert picture.stat().st_size < 200_000, picture.name


@pytest.mark.parametrize("name", MODEL_BY_KEY)
def test_every_key_that_chooses_a_model_is_described(name: str) -> None:
    assert f"`{name}`" in EVERYTHING


def test_every_make_target_is_offered_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    for target in set(phony.split()) - {"help"}:
        assert f"make {target}" in makefile, target
