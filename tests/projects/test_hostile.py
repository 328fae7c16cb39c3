"""Whatever is given: a sentence, or a crew; never a crash, never a long wait, and nothing created by halves."""

from __future__ import annotations

import io
import random
import stat
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.projects.bundle import Bundle, ProjectRefused
from bot.projects.reader import read
from bot.projects.source import from_files, from_folder, from_zip
from tests.projects.conftest import AGENTS, CREW, MAIN, TASKS, bundle_of
from tests.projects.test_flows import DECLARED
from tests.projects.test_flows import MAIN as FLOW

PROJECT = {
    "config/agents.yaml": AGENTS,
    "config/tasks.yaml": TASKS,
    "crew.py": CREW,
    "main.py": MAIN + FLOW,
    "flow.yaml": DECLARED,
    "crew.jsonc": '{"name": "c", "agents": ["a"], "tasks": [{"name": "t", "description": "d", "agent": "a"}]}',
    "agents/a.jsonc": '{"role": "r", "goal": "g", "backstory": "b"}',
}


def zipped(*entries: tuple[zipfile.ZipInfo | str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return buffer.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(ProjectRefused) as refused:
        read(from_zip(content))
    return refused.value.sentence


def attempt(files: dict[str, bytes]) -> Bundle | str:
    """What is found, or the sentence; anything else is a crash."""
    try:
        return read(from_files(files))
    except UserError as error:
        return error.sentence


@pytest.mark.parametrize("path", ["../crew.py", "/etc/crew.py", "a/../../crew.py", "C:/crew.py", "..\\crew.py"])
def test_paths_that_climb_out_are_refused(path: str) -> None:
    assert "leads out of it" in refusal(zipped((path, "x")))


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("config/agents.yaml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "is a link" in refusal(zipped((link, "/etc/passwd")))

    (tmp_path / "agents.yaml").symlink_to("/etc/hostname")
    with pytest.raises(ProjectRefused, match="link out of the folder"):
        from_folder(tmp_path)


def test_a_zip_bomb_is_refused_before_it_unpacks() -> None:
    assert "larger than 2 MB" in refusal(zipped(("config/agents.yaml", b"0" * 90_000_000)))
    bomb = zipped(*((f"{number}.bin", b"0" * 50_000_000) for number in range(5)))
    assert "unpacks to far more" in refusal(bomb)


def test_a_file_that_lies_about_its_size_is_cut() -> None:
    content = zipped(("config/agents.yaml", b"a: " + b"0" * 3_000_000))
    lying = content.replace((3_000_003).to_bytes(4, "little"), (10).to_bytes(4, "little"))

    assert isinstance(refusal(lying), str)


def test_large_files_and_broken_zips_are_refused() -> None:
    assert "larger than 50 MB" in refusal(b"0" * 100_000_000)
    assert "not a ZIP" in refusal(b"PK\x03\x04 nothing more")
    assert "larger than 2 MB" in str(attempt({"agents.yaml": b"#" * 3_000_000}))


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "a: &a [*a]",
        "[" * 100_000,
        "{" * 100_000,
        "- " * 50_000,
        "? " * 50_000,
        "a: !!python/object/apply:os.system ['touch /tmp/never']",
    ],
    ids=["bomb", "circle", "brackets", "braces", "dashes", "questions", "tag"],
)
def test_yaml_that_unfolds_or_nests_without_end_is_refused_at_once(text: str) -> None:
    begun = time.monotonic()

    said = attempt({"agents.yaml": AGENTS.encode(), "tasks.yaml": text.encode()})

    assert isinstance(said, str)
    assert "tasks.yaml" in said
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "code",
    [
        "x = " + "(" * 5_000,
        "x = " + "-" * 50_000 + "1",
        "x = " + "+".join(["'a'"] * 20_000),
        "x = 'a'\n" + "x = x + x\n" * 60,
        "x = [1]\n" + "x = x + x\n" * 60,
        "def f(n):\n    return f(n)\nf(1)",
        "for a in range(500):\n for b in range(500):\n  for c in range(500):\n   x = a",
        "x = 10 ** 10 ** 10",
        "x = 'a' * 10 ** 12",
        "class A(A): pass\nA()",
        "import main\nfrom main import *",
        "x = lambda: x()\nx()",
        "\x00",
    ],
)
def test_code_without_end_is_read_in_a_moment(code: str) -> None:
    begun = time.monotonic()

    found = attempt({"main.py": code.encode(), "agents.yaml": AGENTS.encode(), "tasks.yaml": TASKS.encode()})

    assert isinstance(found, Bundle)
    assert time.monotonic() - begun < 10


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.sampled_from([*PROJECT, "x.zip"]))
def test_any_bytes_come_to_a_sentence_or_a_crew(content: bytes, name: str) -> None:
    attempt({name: content})


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from(sorted(PROJECT)))
def test_any_mutation_of_a_project_comes_to_a_sentence_or_a_crew(seed: int, name: str) -> None:
    chance = random.Random(seed)
    text = list(PROJECT[name])
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(text))
        deed = chance.randrange(4)
        if deed == 0:
            del text[at : at + chance.randint(1, 20)]
        elif deed == 1:
            text.insert(at, chance.choice("{}[]:-#&*!|>'\"%@`,\t\n \x00é漢()=.0self"))
        elif deed == 2:
            cut = chance.randrange(len(text) or 1)
            text[at:at] = text[cut : cut + chance.randint(1, 60)]
        else:
            text[at : at + 1] = chance.choice(["None", "true", "1e9", "[]", "~"])
        text = text or ["x"]

    attempt({path: "".join(text if path == name else PROJECT[path]).encode() for path in PROJECT})


def test_the_project_of_these_tests_is_whole() -> None:
    names = {found.definition.name for found in bundle_of(PROJECT).found}

    assert {"Market News", "Post Flow", "Demo", "Writers", "c"} <= names
