"""``crewcall import`` and ``crewcall export``, as somebody at the server types them."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.errors import UserError
from store.crews import CrewDraft, add
from store.database import Store
from tests.projects.conftest import AGENTS, TASKS, Files


@pytest.fixture
def server(tmp_path: Path, tables: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server on which nothing is set but where its data is."""
    for name in list(os.environ):
        if name.startswith(("CREWCALL_", "SLACK_")) or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CREWCALL_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "crewcall.db").write_bytes(tables)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def crewcall(*words: str) -> Result:
    done = CliRunner().invoke(cli, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit | UserError), done.exception
    return done


def refusal(*words: str) -> str:
    """The sentence with which the command ends."""
    refused = crewcall(*words).exception
    assert isinstance(refused, UserError)
    return refused.sentence


def told(*words: str) -> tuple[int, Any]:
    done = crewcall(*words, "--json")
    return done.exit_code, json.loads(done.stdout)


def laid(files: Files, folder: Path) -> str:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return str(folder)


def test_a_dry_run_tells_everything_and_creates_nothing(server: Path, classic: Files) -> None:
    project = laid(classic, server / "project")

    status, data = told("import", project, "--dry-run")

    assert status == 0
    assert (data["status"], data["created"]) == ("ready", [])
    [crew] = data["crews"]
    assert (crew["name"], crew["process"], crew["deed"]) == ("Market News", "sequential", "create")
    assert [agent["name"] for agent in crew["agents"]] == ["researcher", "writer"]
    assert [(task["name"], task["agent"], task["context"]) for task in crew["tasks"]] == [
        ("research", "researcher", []),
        ("report", "writer", ["research"]),
    ]
    assert crew["inputs"] == ["topic", "current_year"]
    assert crew["agents"][0]["tools"] == ["SerperDevTool"]
    assert [(need["name"], need["here"]) for need in data["needs"]] == [("SERPER_API_KEY", False)]
    assert told("import", project, "--dry-run")[1]["crews"][0]["deed"] == "create"


def test_an_import_goes_out_again_in_every_form(server: Path, classic: Files) -> None:
    project = laid(classic, server / "project")
    status, data = told("import", project)
    assert (status, data["created"]) == (0, ["Market News"])
    assert told("import", project)[1]["unchanged"] == ["Market News"]

    for form in ("classic", "json", "flow"):
        assert crewcall("export", "market news", "--form", form, "--to", f"out/{form}.zip").exit_code == 0
        with zipfile.ZipFile(server / "out" / f"{form}.zip") as archive:
            assert "market_news/crewcall.yaml" in archive.namelist()
        again = told("import", f"out/{form}.zip", "--dry-run")[1]["crews"]
        assert [crew["deed"] for crew in again] == ["same"]
    assert "is there already" in refusal("export", "market news", "--to", "project")


def test_a_workspace_moves_to_another_server(
    server: Path, classic: Files, tables: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("import", laid(classic, server / "project"))
    assert crewcall("export", "--all", "--to", "backup.zip").exit_code == 0

    monkeypatch.setenv("CREWCALL_DATA_DIR", str(server / "other"))
    assert told("import", "backup.zip")[1]["created"] == ["Market News"]


def test_what_has_to_be_decided_is_status_two(server: Path) -> None:
    files = {"agents.yaml": AGENTS, "tasks.yaml": TASKS.replace("  agent: writer\n", "")}
    project = laid(files, server / "brief")

    status, data = told("import", project)
    assert (status, data["status"], data["created"]) == (2, "undecided", [])
    assert data["decisions"] == [
        {
            "kind": "agent",
            "crew": "Brief",
            "task": "report",
            "options": ["researcher", "writer"],
            "likely": "researcher",
        }
    ]
    assert "decides nothing" in crewcall("import", project, "--decide", "Brief/other=writer").output

    assert told("import", project, "--decide", "Brief/report=writer")[1]["created"] == ["Brief"]


def test_a_taken_name_is_status_two_until_somebody_says_what_to_do(server: Path, classic: Files) -> None:
    told("import", laid(classic, server / "project"))
    classic["src/market_news/config/tasks.yaml"] = TASKS.replace("A report", "A longer report")
    project = laid(classic, server / "project")

    status, data = told("import", project)
    assert status == 2
    assert data["decisions"] == [{"kind": "name", "crew": "Market News", "options": ["rename", "replace", "skip"]}]
    assert "A longer report" in data["crews"][0]["differences"][0]

    assert told("import", project, "--existing", "replace")[1]["replaced"] == ["Market News"]


def test_a_refusal_is_status_one_with_a_sentence(server: Path) -> None:
    status, data = told("import", laid({"notes.yaml": "a: b"}, server / "notes"))

    assert status == 1
    assert data["status"] == "refused"
    assert "is not a CrewAI project" in data["reason"]
    assert "There is no file or folder" in crewcall("import", "nowhere").output


def test_the_right_workspace_and_owner_are_asked_for(server: Path, classic: Files) -> None:
    project = laid(classic, server / "project")
    with_two = Store(f"sqlite:///{server / 'data' / 'crewcall.db'}")
    with with_two.transaction() as session:
        for team in ("T0ONE", "T0TWO"):
            add(session, CrewDraft(name="Theirs"), team=team, by="U0SOMEBODY")
    with_two.close()

    assert "Say which one: --team T0ONE" in told("import", project)[1]["reason"]
    assert "Say whose the crews shall be" in told("import", project, "--team", "T0THREE")[1]["reason"]
    assert told("import", project, "--team", "T0TWO")[1]["created"] == ["Market News"]
    assert refusal("export", "Nothing", "--team", "T0ONE").startswith("There is no crew or flow called “Nothing”.")
    assert refusal("export").startswith("Say which crew to export")
