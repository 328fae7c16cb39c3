"""``crewcall doctor``: looks at everything Crewcall stands on and names the mend for each fault."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from typing import Any, cast

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse

from bot import model_files
from bot.embedded_models import MODELS
from bot.engine.llms import PROVIDERS, Models
from bot.errors import UserError
from bot.links import Links
from bot.manifest import bot_scopes, granted_scopes
from bot.settings import Settings, model_from_keys
from store import health, secrets
from store.secrets import Keyring

# Runs keep their logs and files here; the embedded model asks for its own space when it is fetched.
_ENOUGH_SPACE = 200_000_000
_SLACK_WITHIN = 10


@dataclass(frozen=True)
class Finding:
    """What one check found, in a few words, and for a fault how to mend it."""

    ok: bool
    title: str
    mend: str = ""


@dataclass(frozen=True)
class Installation:
    """What is examined: the settings and the environment's keys; Slack is asked who we are once."""

    settings: Settings
    environ: Mapping[str, str]

    @property
    def default_model(self) -> str:
        """The model of agents that name none, or ``""``."""
        return self.settings.default_model or model_from_keys(self.environ)

    @property
    def models(self) -> Models:
        return Models(self.default_model, self.settings.data_dir, self.environ)

    @cached_property
    def slack(self) -> WebClient:
        return WebClient(base_url=self.settings.slack_api_url, timeout=_SLACK_WITHIN, retry_handlers=[])

    @cached_property
    def identity(self) -> SlackResponse | Exception:
        """Slack's answer to auth.test, or why there is none."""
        assert self.settings.bot_token  # slack_settings() has looked
        token = self.settings.bot_token.get_secret_value()
        return _answer(lambda: self.slack.auth_test(token=token))


def slack_settings(it: Installation) -> Finding:
    """Whether the settings say how to reach Slack."""
    problems = it.settings.slack_problems()
    if problems:
        return Finding(False, "Slack settings are incomplete", " ".join(problems))
    return Finding(True, "Slack settings are complete")


def bot_token(it: Installation) -> Finding:
    """Whether Slack takes the bot token, and for whom."""
    said = it.identity
    if isinstance(said, Exception):
        return _refused(
            it, "bot token", said, "Copy SLACK_BOT_TOKEN anew from OAuth & Permissions, or reinstall the app."
        )
    return Finding(True, f"Bot token: {said['user']} in the workspace {said['team']}")


def scopes(it: Installation) -> Finding:
    """Whether the bot token carries every scope of the manifest."""
    said = it.identity
    if isinstance(said, Exception):
        return Finding(False, "Scopes are unknown", "Mend the bot token first.")
    wanted = bot_scopes(Links(it.settings.public_url).host)
    missing = [scope for scope in wanted if scope not in granted_scopes(said.headers)]
    if missing:
        mend = "Add them under OAuth & Permissions (or apply what `crewcall manifest` prints) and reinstall the app."
        return Finding(False, f"Scopes are missing: {', '.join(missing)}", mend)
    return Finding(True, "Scopes: all that manifest.yml asks for")


def door(it: Installation) -> Finding:
    """Whether Slack can reach the bot: by Socket Mode a connection is offered, over HTTP it is Slack that connects."""
    settings = it.settings
    if settings.over_http:
        where = f"http://{settings.http_host}:{settings.http_port}/slack/events"
        return Finding(True, f"Slack over HTTP: the app's request URLs must lead to {where}")
    assert settings.app_token  # slack_settings() has looked
    token = settings.app_token.get_secret_value()
    said = _answer(lambda: it.slack.apps_connections_open(app_token=token))
    if isinstance(said, Exception):
        mend = "Make an app-level token with the scope connections:write, set SLACK_APP_TOKEN, and enable Socket Mode."
        return _refused(it, "app token", said, mend)
    return Finding(True, "App token: Slack offers a Socket Mode connection")


def database(it: Installation) -> Finding:
    """Whether the database answers, can be written, and is one this program can work with."""
    try:
        with closing(health.open_store(it.settings.database)) as store:
            state = health.tables(store)
            if state is health.Tables.NEWER:
                raise health.DatabaseTooNew(url=it.settings.database)
            health.check_writable(store)
    except UserError as error:
        return _fault("Database cannot be used", error)
    return Finding(True, f"Database: it can be written; its tables are {state}")


def secret_keys(it: Installation) -> Finding:
    """Whether the keys that encrypt stored secrets are here, and open what the database holds."""
    keyring = Keyring(it.settings.keys, it.settings.secret_file)
    try:
        keyring.check()
        with closing(health.open_store(it.settings.database)) as store:
            if health.tables(store) is health.Tables.CURRENT:
                with store.reading() as session:
                    secrets.check(session, keyring)
    except health.DatabaseOutOfReach:
        return Finding(True, "Secret key: the database does not say whether it fits")
    except UserError as error:
        return _fault("Stored keys cannot be read", error)
    if keyring.empty:
        return Finding(True, "Secret key: made when the first connection is saved")
    return Finding(True, "Secret key: it opens what is stored; back it up apart from the database")


def data_directory(it: Installation) -> Finding:
    """Whether files can be written to the data directory, and how much room there is."""
    folder = it.settings.data_dir.resolve()
    elsewhere = "Set CREWCALL_DATA_DIR to a directory that Crewcall's account may write"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(False, f"Data directory {folder} cannot be written ({error.strerror})", f"{elsewhere}.")
    if free < _ENOUGH_SPACE:
        return Finding(False, f"Data directory {folder} has only {free // 10**6} MB left", f"Make room. {elsewhere}.")
    return Finding(True, f"Data directory {folder}: {free / 1e9:.1f} GB free")


def default_model(it: Installation) -> Finding:
    """Whether agents that name no model have one that can answer."""
    if not it.default_model:
        return Finding(True, "Default model: none, so every agent must name its own (CREWCALL_DEFAULT_MODEL sets one)")
    if problem := it.models.problem(""):
        return Finding(False, f"Default model {it.default_model} cannot be used", problem)
    return Finding(True, f"Default model: {it.default_model}")


def providers(it: Installation) -> Finding:
    """Which providers' models agents can name."""
    usable = [
        provider.title
        for provider in PROVIDERS
        if it.models.problem(f"{provider.names[0]}/any") is None and (provider.keys or it.environ.get(provider.url))
    ]
    return Finding(True, f"Model providers: {', '.join(usable) or 'none has its key set'}")


def embedded_models(it: Installation) -> Finding:
    """Which of the embedded models are here."""
    data_dir = it.settings.data_dir
    here = [model.title for name, model in MODELS.items() if model_files.path_of(name, data_dir)]
    if not here:
        return Finding(True, "Embedded model: not fetched (crewcall fetch-model brings it)")
    return Finding(True, f"Embedded model: {', '.join(here)}")


Check = Callable[[Installation], Finding]
CHECKS: tuple[Check, ...] = (
    slack_settings,
    bot_token,
    scopes,
    door,
    database,
    secret_keys,
    data_directory,
    default_model,
    providers,
    embedded_models,
)
# Without the settings there is nothing to ask Slack with.
_NEED_SLACK_SETTINGS = {bot_token, scopes, door}


# What needs no network but the database's; a start does not go on with a fault here.
BEFORE_START: tuple[Check, ...] = (database, secret_keys, data_directory, default_model)


def examine(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """What each check finds, in order, as soon as it is found."""
    it = Installation(settings, environ)
    incomplete = bool(settings.slack_problems())
    for check in CHECKS:
        if not (incomplete and check in _NEED_SLACK_SETTINGS):
            yield check(it)


def _answer(call: Callable[[], SlackResponse]) -> SlackResponse | Exception:
    try:
        return call()
    except (SlackApiError, SlackRequestError, OSError, HTTPException, ValueError) as error:
        return error


def _refused(it: Installation, what: str, error: Exception, mend: str) -> Finding:
    """Slack's own word where Slack has spoken; else it was not Slack, or nobody, that answered."""
    if isinstance(error, SlackApiError):
        answer = cast(Any, error.response)
        if answer.status_code == 200:
            return Finding(False, f"Slack refuses the {what}: {answer.get('error')}", mend)
        return Finding(False, f"Slack answers with status {answer.status_code}", "Try again in a minute.")
    reason = getattr(error, "reason", None) or error
    return Finding(
        False,
        f"Slack is out of reach at {it.settings.slack_api_url} ({reason})",
        "Check the network and SLACK_API_URL.",
    )


def _fault(title: str, error: UserError) -> Finding:
    return Finding(False, title, error.sentence)
