"""Every environment variable, typed, with a title."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import UserError

SLACK = "https://slack.com/api/"

# The first provider whose key is set gives the default model where none is named.
MODEL_BY_KEY = {
    "OPENAI_API_KEY": "openai/gpt-4.1-mini",
    "ANTHROPIC_API_KEY": "anthropic/claude-sonnet-4-5",
    "GEMINI_API_KEY": "gemini/gemini-2.5-flash",
    "GOOGLE_API_KEY": "gemini/gemini-2.5-flash",
    "OPENROUTER_API_KEY": "openrouter/openai/gpt-4.1-mini",
    "DEEPSEEK_API_KEY": "deepseek/deepseek-chat",
}


class WrongSettings(UserError):
    """Crewcall cannot start with these settings:{reasons}"""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(reasons="".join(f"\n  - {reason}" for reason in reasons))


class Settings(BaseSettings):
    """What the environment says."""

    model_config = SettingsConfigDict(env_ignore_empty=True, populate_by_name=True, extra="ignore")

    bot_token: SecretStr | None = Field(
        None, validation_alias="SLACK_BOT_TOKEN", title="The app's bot token", description="xoxb-…"
    )
    app_token: SecretStr | None = Field(
        None, validation_alias="SLACK_APP_TOKEN", title="The app-level token for Socket Mode", description="xapp-…"
    )
    signing_secret: SecretStr | None = Field(
        None,
        validation_alias="SLACK_SIGNING_SECRET",
        title="The signing secret, to serve Slack over HTTP instead of Socket Mode",
    )
    slack_api_url: str = Field(
        SLACK, validation_alias="SLACK_API_URL", title="The Web API's address, with a slash at its end"
    )
    database_url: str = Field(
        "",
        validation_alias="CREWCALL_DATABASE_URL",
        title="Where crews and runs are kept",
        description="sqlite:///file or postgresql://…; default: a SQLite file in the data directory",
    )
    data_dir: Path = Field(
        Path(".data"), validation_alias="CREWCALL_DATA_DIR", title="The directory for the database and the model's file"
    )
    default_model: str = Field(
        "",
        validation_alias="CREWCALL_DEFAULT_MODEL",
        title="The model of agents that name none",
        description="provider/model; default: a small model of the first provider whose key is set",
    )
    model_file: Path | None = Field(
        None, validation_alias="CREWCALL_MODEL_FILE", title="A GGUF file to use as the embedded model's weights"
    )
    secret_keys: SecretStr | None = Field(
        None,
        validation_alias="CREWCALL_SECRET_KEYS",
        title="The keys that encrypt what is stored in secret, the newest first, with commas between them",
        description="default: a key of its own in the file secret.key of the data directory",
    )
    max_concurrent_runs: int = Field(
        8, ge=1, le=200, validation_alias="CREWCALL_MAX_CONCURRENT_RUNS", title="How many runs may go on at once"
    )
    log_days: int = Field(
        90, ge=1, le=36_500, validation_alias="CREWCALL_LOG_DAYS", title="How many days the logs of runs are kept"
    )
    public_url: str = Field(
        "",
        validation_alias="CREWCALL_PUBLIC_URL",
        title="The address under which links to crews and runs begin",
        description="https://crew.example.com; a host of your own, which the app's manifest names too",
    )
    http_host: str = Field("127.0.0.1", validation_alias="CREWCALL_HTTP_HOST", title="The address to serve HTTP on")
    http_port: int = Field(
        3000, ge=0, le=65535, validation_alias="CREWCALL_HTTP_PORT", title="The port to serve HTTP on"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: Any) -> Any:
        # A token pasted with a space or a line break would fail much later, in a header.
        return value.strip() if isinstance(value, str) else value

    @field_validator("slack_api_url")
    @classmethod
    def _with_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url if url.endswith("/") else url + "/"

    @field_validator("public_url")
    @classmethod
    def _of_ones_own(cls, url: str) -> str:
        there = urlsplit(url)
        host = there.hostname or ""
        if url and (there.scheme != "https" or not host or there.path.strip("/") or there.query or there.username):
            raise ValueError("must be https:// and a host alone, for example https://crew.example.com")
        if host == "slack.com" or host.endswith(".slack.com"):
            raise ValueError("must be a host of your own: Slack tells apps of no links to itself")
        return url.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url and not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return url

    @field_validator("default_model")
    @classmethod
    def _provider_and_model(cls, name: str) -> str:
        if name and not all(name.partition("/")):
            raise ValueError("must be provider/model, for example openai/gpt-4.1-mini")
        return name

    @property
    def database(self) -> str:
        """The database's URL, the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'crewcall.db'}"

    @property
    def keys(self) -> list[SecretStr]:
        """The keys of ``secret_keys``, the newest first."""
        given = self.secret_keys.get_secret_value() if self.secret_keys else ""
        return [SecretStr(key.strip()) for key in given.split(",") if key.strip()]

    @property
    def secret_file(self) -> Path:
        """Where the server keeps the key that it makes when it is given none."""
        return self.data_dir.resolve() / "secret.key"

    @property
    def over_http(self) -> bool:
        """Whether Slack reaches the bot over HTTP instead of Socket Mode."""
        return self.signing_secret is not None and self.app_token is None

    def slack_problems(self) -> list[str]:
        """What keeps the bot from reaching Slack, each with its mend."""
        problems = []
        if self.bot_token is None:
            problems.append("SLACK_BOT_TOKEN is not set. Copy it from your app's page, OAuth & Permissions (xoxb-…).")
        elif not self.bot_token.get_secret_value().startswith("xoxb-"):
            problems.append("SLACK_BOT_TOKEN must start with xoxb-. You may have copied another token.")
        if self.app_token is None and self.signing_secret is None:
            problems.append(
                "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set. "
                "Set the first for Socket Mode (xapp-…) or the second for HTTP."
            )
        elif self.app_token is not None and not self.app_token.get_secret_value().startswith("xapp-"):
            problems.append("SLACK_APP_TOKEN must start with xapp-. Make one with the scope connections:write.")
        return problems


def read_environment() -> tuple[Settings, list[str]]:
    """The settings, with the default in place of each one that is wrong, and a sentence for each of those."""
    try:
        return Settings(), []
    except ValidationError as error:
        faults = error.errors()
    by_variable = {str(field.validation_alias): field.default for field in Settings.model_fields.values()}
    defaults = {str(fault["loc"][0]): by_variable[str(fault["loc"][0])] for fault in faults}
    return Settings(**defaults), [_reason(fault) for fault in faults]


def from_environment() -> Settings:
    """Read the settings; raise ``WrongSettings`` with every fault at once."""
    settings, faults = read_environment()
    if faults:
        raise WrongSettings(faults)
    return settings


def model_from_keys(environ: Mapping[str, str]) -> str:
    """The default model that the environment's keys suggest, or ``""``."""
    return next((model for key, model in MODEL_BY_KEY.items() if environ.get(key)), "")


def _reason(fault: Any) -> str:
    said = {
        "greater_than_equal": "must be at least {ge}",
        "less_than_equal": "must be at most {le}",
        "int_parsing": "must be a whole number",
    }.get(fault["type"])
    if said is None:
        return f"{fault['loc'][0]} {fault['msg'].removeprefix('Value error, ')}"
    return f"{fault['loc'][0]} {said.format(**fault.get('ctx', {}))}"
