"""The command line, as somebody who types ``crewcall`` meets it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from pydantic import SecretStr

from bot.local_slack import LocalSlack
from bot.local_slack.workspace import ANA
from bot.manifest import FILE, manifest
from store import connections, health
from store.connections import ConnectionDraft
from store.database import Store
from store.secrets import Keyring

ROOT = Path(__file__).parent.parent
CLOSED_PORT = 9  # nothing of ours or anybody's listens on the discard port


@pytest.fixture(scope="module")
def workspace() -> Iterator[LocalSlack]:
    with LocalSlack(manifest()) as local:
        yield local


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a computer on which nothing of ours is set."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT")}
    return {**kept, "HOME": str(tmp_path), "CREWCALL_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def team(home: dict[str, str], workspace: LocalSlack) -> dict[str, str]:
    """The environment of a team that has done everything right."""
    return {
        **home,
        "SLACK_API_URL": workspace.api_url,
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        "OPENAI_API_KEY": "sk-made-up",
    }


def crewcall(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot.cli", *words]
    done = subprocess.run(
        command, env=env, capture_output=True, check=False, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr
    return done


class Running:
    """A ``crewcall`` that stays until it is stopped; its terminal is a pipe that nobody types into."""

    def __init__(self, *words: str, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "bot.cli", *words]
        self._process = subprocess.Popen(
            command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.said: list[str] = []

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def says(self, words: str) -> str:
        """Read on until a line holds these words, and return it."""
        assert self._process.stdout
        for line in self._process.stdout:
            self.said.append(line)
            if words in line:
                return line
        raise AssertionError(f"never said “{words}” but:\n{''.join(self.said)}")

    def stopped_by(self, number: signal.Signals) -> int:
        """Send the signal, wait for the end, return the exit status."""
        self._process.send_signal(number)
        rest, _ = self._process.communicate(timeout=30)
        self.said.append(rest)
        return self._process.returncode

    def address(self) -> str:
        return next(word for word in self.says("http://").split() if word.startswith("http://"))


def told_to_mend(env: dict[str, str]) -> list[str]:
    """What ``crewcall doctor`` finds wrong: each fault and its mend as one text."""
    done = crewcall("doctor", env=env)
    lines = done.stdout.splitlines()
    faults = [
        f"{line[2:]} | {following.strip() if following.startswith(' ') else ''}"
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("✗")
    ]
    assert done.returncode == (1 if faults else 0)
    return faults


def bot_is_in(url: str) -> bool:
    """Whether Ana's page of the workspace shows the bot as connected."""
    with urlopen(f"{url}/local/state?user={ANA}", timeout=10) as answer:
        return bool(json.load(answer)["bot"]["connected"])


# Starting


def test_without_settings_the_start_says_all_that_is_missing(home: dict[str, str]) -> None:
    done = crewcall("start", env=home)

    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "Crewcall cannot start with these settings:"
    assert "SLACK_BOT_TOKEN is not set." in done.stderr
    assert "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set." in done.stderr


def test_wrong_settings_are_told_in_one_list(home: dict[str, str]) -> None:
    wrong = {
        "SLACK_BOT_TOKEN": "xapp-1-swapped",
        "SLACK_APP_TOKEN": "xoxb-swapped",
        "SLACK_API_URL": "slack.com",
        "CREWCALL_MAX_CONCURRENT_RUNS": "many",
        "CREWCALL_HTTP_PORT": "70000",
        "CREWCALL_PUBLIC_URL": "https://northwind.slack.com",
        "CREWCALL_DATABASE_URL": f"postgresql://crew:pw-of-ours@127.0.0.1:{CLOSED_PORT}/crew",
        "CREWCALL_DEFAULT_MODEL": "anthropic/claude-sonnet-4-5",
    }

    done = crewcall("start", env={**home, **wrong})

    assert done.returncode == 1
    reasons = [line.removeprefix("  - ") for line in done.stderr.splitlines()[1:]]
    for beginning in (
        "SLACK_API_URL must start with http",
        "CREWCALL_MAX_CONCURRENT_RUNS must be a whole number",
        "CREWCALL_HTTP_PORT must be at most 65535",
        "CREWCALL_PUBLIC_URL must be a host of your own",
        "SLACK_BOT_TOKEN must start with xoxb-.",
        "SLACK_APP_TOKEN must start with xapp-.",
        "Database cannot be used. The database postgresql://crew:***@127.0.0.1",
        "Default model anthropic/claude-sonnet-4-5 cannot be used.",
    ):
        assert [reason for reason in reasons if reason.startswith(beginning)], done.stderr
    assert len(reasons) == 8
    assert "pw-of-ours" not in done.stderr


def test_a_token_pasted_with_a_line_break_is_understood(team: dict[str, str]) -> None:
    assert told_to_mend({**team, "SLACK_BOT_TOKEN": f" {team['SLACK_BOT_TOKEN']}\n"}) == []


def test_the_start_fetches_no_model_by_itself(team: dict[str, str], tmp_path: Path) -> None:
    done = crewcall("start", env={**team, "CREWCALL_DEFAULT_MODEL": "local/qwen2.5-coder-1.5b"})

    assert done.returncode == 1
    assert "Run crewcall fetch-model" in done.stderr
    assert not (tmp_path / "data" / "models").exists()


def test_a_database_of_a_newer_crewcall_is_left_alone(team: dict[str, str], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    store = health.open_store(url)
    health.upgrade(store)
    with store.transaction() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999_from_the_future'")
    store.close()

    for words in (["start"], ["db", "upgrade"]):
        done = crewcall(*words, env={**team, "CREWCALL_DATABASE_URL": url})
        assert done.returncode == 1
        assert "made by a newer Crewcall" in done.stderr


def test_a_refused_bot_token_ends_the_start_with_its_mend(team: dict[str, str]) -> None:
    done = crewcall("start", env={**team, "SLACK_BOT_TOKEN": "xoxb-of-another-app"})

    assert done.returncode == 1
    assert "Slack refuses the bot token (invalid_auth)." in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_the_bot_connects_and_leaves_when_asked(
    team: dict[str, str], workspace: LocalSlack, number: signal.Signals
) -> None:
    with Running("start", env=team) as bot:
        assert "use openai/gpt-4.1-mini" in bot.says("Crewcall is connected.")
        assert bot_is_in(workspace.url)

        assert bot.stopped_by(number) == 0
    workspace.wait_until_connected(0)


def test_over_http_the_bot_is_ready_when_it_says_where_it_listens(team: dict[str, str]) -> None:
    del team["SLACK_APP_TOKEN"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with Running("start", env={**team, "SLACK_SIGNING_SECRET": "a-secret", "CREWCALL_HTTP_PORT": str(port)}) as bot:
        bot.says(f"Crewcall listens for Slack on http://127.0.0.1:{port}/slack/events.")
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            assert json.load(answer) == {"ready": True, "database": "ok"}
        assert bot.stopped_by(signal.SIGTERM) == 0


def test_a_bot_without_a_default_model_says_so(team: dict[str, str]) -> None:
    with Running("start", env={**team, "OPENAI_API_KEY": ""}) as bot:
        assert "every agent must name its own" in bot.says("Crewcall is connected.")
        assert bot.stopped_by(signal.SIGTERM) == 0


# The demo


def test_the_demo_says_where_its_page_is_and_the_bot_is_there(home: dict[str, str]) -> None:
    with Running("demo", "--port", "0", env={**home, "OPENAI_API_KEY": "sk-made-up"}) as demo:
        url = demo.address()
        with urlopen(url, timeout=10) as page:
            assert "<html" in page.read().decode()
        assert bot_is_in(url)
        demo.says("Agents that name no model use openai/gpt-4.1-mini.")

        assert demo.stopped_by(signal.SIGINT) == 0


def test_the_demo_never_talks_to_the_teams_own_slack(team: dict[str, str], workspace: LocalSlack) -> None:
    before = len(workspace.calls())
    with Running("demo", "--port", "0", env=team) as demo:
        assert bot_is_in(demo.address())
        assert demo.stopped_by(signal.SIGTERM) == 0

    assert len(workspace.calls()) == before


def test_a_second_demo_names_the_first(home: dict[str, str]) -> None:
    env = {**home, "OPENAI_API_KEY": "sk-made-up"}
    with Running("demo", "--port", "0", env=env) as demo:
        url = demo.address()
        second = crewcall("demo", "--port", "0", env=env)
        assert demo.stopped_by(signal.SIGTERM) == 0

    assert second.returncode == 1
    assert second.stderr == f"The demo is running already, at {url}. Open that page, or stop it first.\n"


def test_the_demo_takes_the_next_port_when_its_own_is_taken(home: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Running("demo", "--port", str(port), env={**home, "OPENAI_API_KEY": "sk-made-up"}) as demo:
            found = int(demo.address().rstrip(".").rpartition(":")[2])
            assert demo.stopped_by(signal.SIGTERM) == 0

    assert port < found < port + 20


def test_a_model_file_that_is_not_there_is_told(home: dict[str, str], tmp_path: Path) -> None:
    done = crewcall("demo", "--port", "0", env={**home, "CREWCALL_MODEL_FILE": str(tmp_path / "none.gguf")})

    assert done.returncode == 1
    assert "none.gguf cannot be read. Change or unset CREWCALL_MODEL_FILE." in done.stderr


def test_a_directory_that_cannot_be_written_is_told(home: dict[str, str], tmp_path: Path) -> None:
    in_the_way = tmp_path / "a-file"
    in_the_way.write_text("")

    done = crewcall("demo", env={**home, "CREWCALL_DATA_DIR": str(in_the_way / "data")})

    assert done.returncode == 1
    assert "Set CREWCALL_DATA_DIR to one that can." in done.stderr


# The doctor


def test_the_doctor_finds_nothing_wrong(team: dict[str, str]) -> None:
    done = crewcall("doctor", env=team)

    assert done.returncode == 0, done.stdout
    assert "✓ Bot token: crew in the workspace Northwind" in done.stdout
    assert "✓ Default model: openai/gpt-4.1-mini" in done.stdout
    assert "✓ Model providers: OpenAI" in done.stdout
    assert done.stdout.endswith("All is well.\n")


def test_the_doctor_names_a_wrong_bot_token_but_shows_no_token(team: dict[str, str]) -> None:
    env = {**team, "SLACK_BOT_TOKEN": "xoxb-wrong"}

    token, scopes = told_to_mend(env)

    assert token == (
        "Slack refuses the bot token: invalid_auth | "
        "Copy SLACK_BOT_TOKEN anew from OAuth & Permissions, or reinstall the app."
    )
    assert scopes == "Scopes are unknown | Mend the bot token first."
    assert "xoxb-wrong" not in crewcall("doctor", env=env).stdout


def test_the_doctor_names_a_wrong_app_token(team: dict[str, str]) -> None:
    [fault] = told_to_mend({**team, "SLACK_APP_TOKEN": "xapp-wrong"})

    assert fault.startswith("Slack refuses the app token: invalid_auth | Make an app-level token with the scope")


def test_the_doctor_names_the_scopes_that_are_missing(team: dict[str, str]) -> None:
    poorer = manifest()
    for scope in ("files:write", "app_mentions:read"):
        poorer["oauth_config"]["scopes"]["bot"].remove(scope)
    with LocalSlack(poorer) as workspace:
        [fault] = told_to_mend({**team, "SLACK_API_URL": workspace.api_url})

    assert fault.startswith("Scopes are missing: files:write, app_mentions:read | Add them under OAuth & Permissions")


def test_the_doctor_names_the_scopes_that_links_take(team: dict[str, str]) -> None:
    [fault] = told_to_mend({**team, "CREWCALL_PUBLIC_URL": "https://crew.example.com"})

    assert fault.startswith("Scopes are missing: links:read, links:write | Add them under OAuth & Permissions")


def test_the_doctor_tells_a_silent_slack_from_a_wrong_token(team: dict[str, str]) -> None:
    faults = told_to_mend({**team, "SLACK_API_URL": f"http://127.0.0.1:{CLOSED_PORT}/api/"})

    assert faults[0].startswith(f"Slack is out of reach at http://127.0.0.1:{CLOSED_PORT}/api/ (")
    assert faults[0].endswith("| Check the network and SLACK_API_URL.")


def test_the_doctor_tells_a_troubled_slack_from_a_wrong_token(team: dict[str, str]) -> None:
    with LocalSlack(manifest()) as workspace:
        workspace.misbehave({"methods": {"auth.test": {"status": 500}}})
        faults = told_to_mend({**team, "SLACK_API_URL": workspace.api_url})

    assert faults[0] == "Slack answers with status 500 | Try again in a minute."


def test_the_doctor_names_a_database_that_does_not_answer(team: dict[str, str]) -> None:
    url = f"postgresql://crew:pw-of-ours@127.0.0.1:{CLOSED_PORT}/crew"

    [fault] = told_to_mend({**team, "CREWCALL_DATABASE_URL": url})

    assert fault.startswith(
        f"Database cannot be used | The database postgresql://crew:***@127.0.0.1:{CLOSED_PORT}/crew"
    )
    assert fault.endswith("Check CREWCALL_DATABASE_URL and that its server runs.")
    assert "pw-of-ours" not in fault


def test_the_doctor_names_the_key_that_the_default_model_needs(team: dict[str, str]) -> None:
    [fault] = told_to_mend({**team, "OPENAI_API_KEY": "", "CREWCALL_DEFAULT_MODEL": "openai/gpt-4.1-mini"})

    assert fault.startswith("Default model openai/gpt-4.1-mini cannot be used | Set OPENAI_API_KEY")


def test_the_doctor_names_a_data_directory_that_cannot_be_written(team: dict[str, str], tmp_path: Path) -> None:
    in_the_way = tmp_path / "a-file"
    in_the_way.write_text("")
    elsewhere = f"sqlite:///{tmp_path / 'crewcall.db'}"

    [fault] = told_to_mend({**team, "CREWCALL_DATA_DIR": str(in_the_way / "data"), "CREWCALL_DATABASE_URL": elsewhere})

    assert fault.startswith(f"Data directory {in_the_way / 'data'} cannot be written (Not a directory) | Set CREWCALL_")


def test_the_doctor_goes_on_after_a_wrong_setting(team: dict[str, str]) -> None:
    wrong, token, _scopes = told_to_mend({**team, "CREWCALL_HTTP_PORT": "http", "SLACK_BOT_TOKEN": "xoxb-wrong"})

    assert wrong.startswith("CREWCALL_HTTP_PORT must be a whole number")
    assert token.startswith("Slack refuses the bot token")


def test_the_doctor_says_where_slack_must_send_its_requests(team: dict[str, str]) -> None:
    del team["SLACK_APP_TOKEN"]

    done = crewcall("doctor", env={**team, "SLACK_SIGNING_SECRET": "a-secret", "CREWCALL_HTTP_PORT": "3123"})

    assert done.returncode == 0, done.stdout
    assert "http://127.0.0.1:3123/slack/events" in done.stdout


# The database and the embedded model


def test_the_tables_are_brought_up_to_date_by_hand(home: dict[str, str]) -> None:
    assert crewcall("db", "version", env=home).stdout.startswith("Version none. The tables are none yet")
    assert crewcall("db", "upgrade", env=home).stdout.startswith("The tables are at version ")
    assert crewcall("db", "version", env=home).stdout.endswith("The tables are up to date.\n")


def with_a_connection(home: dict[str, str]) -> str:
    """The secret key of a database that holds the key of one connection."""
    data = Path(home["CREWCALL_DATA_DIR"])
    keyring = Keyring([], data / "secret.key")
    draft = ConnectionDraft(name="Research", provider="openai", key=SecretStr("sk-of-this-test"), models=["x"])
    with closing(Store(f"sqlite:///{data / 'crewcall.db'}")) as store:
        store.upgrade()
        with store.transaction() as session:
            connections.add(session, draft, team="T1", by="U1", keyring=keyring)
    return (data / "secret.key").read_text().strip()


def test_the_secret_key_is_changed_step_by_step(team: dict[str, str]) -> None:
    old = with_a_connection(team)
    new = crewcall("secrets", "new-key", env=team).stdout.strip()
    both = {**team, "CREWCALL_SECRET_KEYS": f"{new},{old}"}

    assert crewcall("secrets", "rotate", env=both).stdout == "2 moved to the newest key.\n"
    assert crewcall("secrets", "rotate", env=both).stdout == "Everything is under the newest key already.\n"
    (Path(team["CREWCALL_DATA_DIR"]) / "secret.key").unlink()

    assert told_to_mend({**team, "CREWCALL_SECRET_KEYS": new}) == []


def test_without_the_secret_key_nothing_starts_and_the_mend_is_named(team: dict[str, str]) -> None:
    with_a_connection(team)
    (Path(team["CREWCALL_DATA_DIR"]) / "secret.key").unlink()

    [fault] = told_to_mend(team)
    assert fault.startswith("Stored keys cannot be read | The database holds keys that another secret key encrypted.")
    start = crewcall("start", env=team)
    assert start.returncode == 1
    assert "Stored keys cannot be read. The database holds keys" in start.stderr
    assert "The database holds keys" in crewcall("secrets", "rotate", env=team).stderr

    assert crewcall("secrets", "forget", "--yes", env=team).stdout.startswith("Deleted 1.")
    assert told_to_mend(team) == []


def test_a_secret_key_that_is_none_is_named_without_being_shown(team: dict[str, str]) -> None:
    [fault] = told_to_mend({**team, "CREWCALL_SECRET_KEYS": "hunter2"})

    assert fault.startswith("Stored keys cannot be read | CREWCALL_SECRET_KEYS holds something that is no secret key.")
    assert "hunter2" not in fault


def test_an_unknown_model_is_not_fetched(home: dict[str, str]) -> None:
    done = crewcall("fetch-model", "local/gpt-9", env=home)

    assert done.returncode == 1
    assert "There is no embedded model called “local/gpt-9”." in done.stderr


def test_the_manifest_is_printed_as_the_settings_want_it(home: dict[str, str]) -> None:
    plain = crewcall("manifest", env=home).stdout
    whole = crewcall("manifest", "--assistant", env={**home, "CREWCALL_PUBLIC_URL": "https://crew.example.com"}).stdout

    assert plain == FILE.read_text("utf-8")
    assert yaml.safe_load(whole)["features"]["unfurl_domains"] == ["crew.example.com"]
    assert "assistant_view" in yaml.safe_load(whole)["features"]


@pytest.mark.parametrize(
    "url", ["http://crew.example.com", "https://", "https://crew.example.com/a", "https://a@b.example.com", "crew"]
)
def test_a_public_address_is_https_and_a_host_alone(home: dict[str, str], url: str) -> None:
    done = crewcall("manifest", env={**home, "CREWCALL_PUBLIC_URL": url})

    assert done.returncode == 1
    assert "CREWCALL_PUBLIC_URL must be https:// and a host alone" in done.stderr


def test_help_names_every_command(home: dict[str, str]) -> None:
    said = crewcall("--help", env=home).stdout

    for command in ("demo", "start", "manifest", "doctor", "db", "secrets", "fetch-model"):
        assert f"\n  {command} " in said
