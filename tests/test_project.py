"""The project's shape: what the manifest promises, what is pinned, and how modules begin."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.manifest import View, bot_scopes, manifest, written

ROOT = Path(__file__).parent.parent
OURS = [
    path
    for package in ("bot", "handlers", "store")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "versions" not in path.parts
]
# The local workspace plays Slack; what it calls and answers needs no scope.
SLACK_SIDE = "\n".join(path.read_text("utf-8") for path in OURS if "local_slack" not in path.parts)

# Which of Slack's methods and events need which scope: https://docs.slack.dev/reference/scopes
SCOPE_OF = {
    "commands": r"Commands\(\w+, \"/",
    "chat:write": r"\.chat_(postMessage|update|postEphemeral|delete)\b",
    "files:write": r"\.files_upload_v2\b",
    "files:read": r"\.files_(info|list)\b",
    "im:write": r"\.conversations_open\b",
    "im:history": r"\.event\(\"message\"",
    "app_mentions:read": r"\.event\(\"app_mention\"",
    "users:read": r"\.users_(info|list)\b",
    "usergroups:read": r"\.usergroups_(users_)?list\b",
    "channels:read": r"\.(users_conversations|conversations_(info|list|members))\b",
    "groups:read": r"\bprivate_channel\b",
    "channels:history": r"\.event\(\"message\"",
    "groups:history": r"\.event\(\"message\"",
    "mpim:history": r"\.event\(\"message\"",
    "channels:join": r"\.conversations_join\b",
    "reactions:write": r"\.reactions_(add|remove)\b",
    "links:read": r"\.event\(\"link_shared\"",
    "links:write": r"\.chat_unfurl\b",
    "assistant:write": r"\.assistant_threads_",
}

# What the manifest has only where somebody wants it.
OPTIONAL = {"assistant:write", "links:read", "links:write"}
HOST = "crew.example.com"


def test_the_manifest_asks_for_the_scopes_that_are_used_and_no_others() -> None:
    used = {scope for scope, evidence in SCOPE_OF.items() if re.search(evidence, SLACK_SIDE)}

    everything = manifest("assistant", HOST)["oauth_config"]["scopes"]["bot"]
    assert set(everything) == used
    assert set(bot_scopes()) == used - OPTIONAL


def test_every_scope_in_the_manifest_has_a_reason() -> None:
    lines = written("assistant", HOST).splitlines()

    for scope in manifest("assistant", HOST)["oauth_config"]["scopes"]["bot"]:
        [line] = [line for line in lines if line.strip().startswith(f"- {scope} ")]
        assert re.search(r" # \S+ \S+", line), scope


def test_the_manifest_names_the_events_that_are_heard() -> None:
    heard = set(re.findall(r"\.event\(\"(\w+)\"", SLACK_SIDE))
    heard |= {"function_executed"} if re.findall(r"\.function\(\"(\w+)\"", SLACK_SIDE) else set()
    subscribed = manifest("assistant", HOST)["settings"]["event_subscriptions"]["bot_events"]

    assert {event.partition(".")[0] for event in subscribed} == heard


def test_the_manifest_names_the_command_that_is_registered_and_leaves_its_words_alone() -> None:
    [command] = manifest()["features"]["slash_commands"]

    assert command["should_escape"] is False
    assert f'Commands(bolt, "{command["command"]}")' in SLACK_SIDE


@pytest.mark.parametrize("view", ["", "assistant", "agent"])
def test_slack_takes_the_manifest(view: View) -> None:
    """Slack's own limits: https://docs.slack.dev/reference/app-manifest"""
    whole = manifest(view)
    shown, features, settings = whole["display_information"], whole["features"], whole["settings"]

    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch("#[0-9a-f]{6}", shown["background_color"])
    assert len(features["bot_user"]["display_name"]) <= 80
    assert features["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert [name for name in features if name.endswith("_view")] == ([f"{view}_view"] if view else [])
    assert settings["interactivity"]["is_enabled"]
    assert settings["socket_mode_enabled"]


def pinned(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """The packages of a requirements file: name → version with its marker, and the hashes it may have."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *hashes = (part.strip() for part in line.split("--hash="))
            package, version = requirement.split("==", 1)
            found[package] = (version, frozenset(hashes))
    return found


def test_developing_uses_the_very_packages_that_running_uses() -> None:
    to_run, to_develop = pinned("requirements.txt"), pinned("requirements-dev.txt")

    assert to_run.items() <= to_develop.items()
    assert {"pytest", "ruff", "mypy", "import-linter"} <= to_develop.keys() - to_run.keys()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_and_hashed(name: str) -> None:
    packages = pinned(name)

    assert len(packages) > 100
    for package, (version, hashes) in packages.items():
        assert re.match(r"\d[\w.!+]*( ;.*)?$", version), package
        assert hashes, package
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), package


def test_every_dependency_that_the_project_names_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    packages = {name.lower() for name in pinned("requirements-dev.txt")}

    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        assert re.split(r"[\[<>=!~ ]", requirement)[0].lower() in packages, requirement


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "Makefile", ".ci/run"])
def test_where_packages_come_from_is_the_computers_own_business(name: str) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", (ROOT / name).read_text("utf-8"))


def test_the_slack_side_starts_without_crewai() -> None:
    check = "import sys, bot.app, bot.cli, bot.doctor; sys.exit('crewai' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_in_one_line_what_lives_in_it(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    summary, *more = (ast.get_docstring(module) or "").splitlines()

    assert summary.endswith(".")
    assert not more or not more[0], "the first line says it all; what follows comes after an empty line"
    if len(module.body) > 1:
        assert isinstance(module.body[1], ast.ImportFrom)
        assert module.body[1].module == "__future__"


def test_no_module_is_a_drawer_for_this_and_that() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc", "manager", "managers"}

    assert not [path for path in OURS if path.stem in drawers or drawers & set(path.parts)]
