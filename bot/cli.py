"""``crewcall demo | start | import | export | doctor | db | secrets | fetch-model``."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click
from pydantic import SecretStr

from bot.errors import UserError
from bot.settings import Settings, WrongSettings, from_environment, model_from_keys, read_environment
from bot.transfer import export, import_

if TYPE_CHECKING:
    from bot.local_slack import LocalSlack
    from bot.manifest import View

EMBEDDED = "local/qwen2.5-coder-1.5b"
EMBEDDED_SMALL = "local/qwen2.5-coder-0.5b"
DEMO_PORT = 8790


class DemoIsRunning(UserError):
    """The demo is running already, at {url}. Open that page, or stop it first."""


class NoDataDirectory(UserError):
    """The directory {folder} cannot be written ({reason}). Set CREWCALL_DATA_DIR to one that can."""


class NoFreePort(UserError):
    """No port from {first} to {last} is free. Name another one: crewcall demo --port 9000"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Create, edit and run CrewAI crews from Slack."""


@cli.command()
@click.option("--port", default=DEMO_PORT, show_default=True, help="The page's port; the next free one if it is taken.")
@click.option("--small", is_flag=True, help="Take the smaller embedded model: half the size, and less able.")
def demo(port: int, small: bool) -> None:
    """Try Crewcall out in a workspace on this computer: no Slack account and no key needed."""
    settings, faults = read_environment()
    told = settings.default_model or model_from_keys(os.environ)
    model = told or (EMBEDDED_SMALL if small else EMBEDDED)
    settings = settings.model_copy(update={"default_model": model})
    _prepare_process(logging.WARNING)
    with ExitStack() as running:
        address = running.enter_context(_only_demo(settings.data_dir))
        if not faults:
            _bring_model(settings, fetching=not told)
        _refuse_faults(settings, faults)
        stop = _on_signals()
        workspace = _local_workspace(port, settings)
        running.callback(workspace.stop)
        address.write_text(workspace.url)
        running.enter_context(_bot(_in(workspace, settings)))
        _say_where(workspace.url, model)
        stop.wait()
        click.echo("Stopping…")
    _leave()


@cli.command()
def start() -> None:
    """Join your Slack workspace and stay, until stopped."""
    settings, faults = read_environment()
    settings = settings.model_copy(update={"default_model": settings.default_model or model_from_keys(os.environ)})
    _prepare_process(logging.INFO)
    if not faults:
        _bring_model(settings, fetching=False)
    _refuse_faults(settings, [*faults, *settings.slack_problems()])
    stop = _on_signals()
    with _bot(settings):
        click.echo(f"{_how_slack_reaches_it(settings)} {_who_answers(settings.default_model)}")
        stop.wait()
        click.echo("Stopping…")
    _leave()


@cli.command()
def doctor() -> None:
    """Check settings, Slack, database, storage and models, and name the mend for each fault."""
    from bot.doctor import Finding, examine

    logging.disable(logging.CRITICAL)
    settings, wrong = read_environment()
    faults = 0
    for finding in chain((Finding(False, reason) for reason in wrong), examine(settings)):
        faults += not finding.ok
        click.echo(f"{'✓' if finding.ok else '✗'} {finding.title}")
        if finding.mend:
            click.echo(f"    {finding.mend}")
    if faults:
        click.echo(f"\n{faults} things to mend." if faults > 1 else "\nOne thing to mend.")
        sys.exit(1)
    click.echo("\nAll is well.")


cli.add_command(import_)
cli.add_command(export)


@cli.command()
@click.option("--assistant", "view", flag_value="assistant", help="With Slack's assistant view.")
@click.option("--agent", "view", flag_value="agent", help="With the view that Slack has for agents since 2026.")
def manifest(view: View | None) -> None:
    """Print the manifest to create the Slack app from, with the host of CREWCALL_PUBLIC_URL if that is set."""
    from bot.links import Links
    from bot.manifest import written

    click.echo(written(view or "", Links(from_environment().public_url).host), nl=False)


@cli.group()
def db() -> None:
    """The database's tables."""


@db.command()
def upgrade() -> None:
    """Bring the tables to the newest version; `crewcall start` does it too."""
    from store import health

    with closing(health.open_store(from_environment().database)) as store:
        health.upgrade(store)
        click.echo(f"The tables are at version {store.version()[0]}.")


@db.command()
def version() -> None:
    """Say which version the tables have, and whether this program fits."""
    from store import health

    with closing(health.open_store(from_environment().database)) as store:
        state = health.tables(store)
        click.echo(f"Version {store.version()[0] or 'none'}. The tables are {state}.")


@cli.group("secrets")
def secret_keys() -> None:
    """The keys that encrypt what is stored in secret."""


@secret_keys.command("new-key")
def new_key() -> None:
    """Make a key for CREWCALL_SECRET_KEYS; put it before the others."""
    from store.secrets import new_key as fresh

    click.echo(fresh())


@secret_keys.command()
def rotate() -> None:
    """Move everything that is encrypted to the newest key; then the older ones can go."""
    from store import health, secrets

    settings = from_environment()
    with closing(health.open_store(settings.database)) as store:
        health.upgrade(store)
        moved = secrets.rotate(store, secrets.Keyring(settings.keys, settings.secret_file))
    click.echo(f"{moved} moved to the newest key." if moved else "Everything is under the newest key already.")


@secret_keys.command()
@click.confirmation_option(prompt="Delete all stored keys of all connections?")
def forget() -> None:
    """Delete all stored keys, for when the secret key that opens them is lost."""
    from store import health, secrets

    with closing(health.open_store(from_environment().database)) as store:
        health.upgrade(store)
        with store.transaction() as session:
            count = secrets.forget(session)
    click.echo(f"Deleted {count}. Administrators type them anew: /crew models in Slack.")


@cli.command("fetch-model")
@click.argument("name", default="")
@click.option("--small", is_flag=True, help="The smaller one: half the size, and less able.")
def fetch_model(name: str, small: bool) -> None:
    """Fetch the embedded model NAME (local/…) once, for trying Crewcall out without a key."""
    from rich.console import Console

    from bot.model_files import fetch_with_bar

    settings = from_environment()
    model = name or (EMBEDDED_SMALL if small else EMBEDDED)
    path = fetch_with_bar(model, settings.data_dir, Console(), source=settings.model_file)
    click.echo(f"{model} is here: {path}\nCREWCALL_DEFAULT_MODEL={model} makes it the default.")


def _prepare_process(level: int) -> None:
    """Log to stderr, and let nothing that a crew uses ever wait for somebody to type."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # They would write a line for every migration and every model call.
    for chatty in ("alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _on_signals() -> threading.Event:
    """Set at the first SIGTERM or SIGINT; a second one ends the process at once."""
    stop = threading.Event()

    def stopped(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopped)
    return stop


def _leave() -> NoReturn:
    """End the process, now that everything is closed.

    A thread in the middle of importing CrewAI or of a model's answer cannot be interrupted, and Python's own way out
    sometimes aborts when it meets one.
    """
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _refuse_faults(settings: Settings, faults: list[str]) -> None:
    """Raise ``WrongSettings`` with these faults and all that can be found without asking Slack."""
    from bot.doctor import BEFORE_START, Installation

    findings = [check(Installation(settings, os.environ)) for check in BEFORE_START]
    reasons = [*faults, *(f"{finding.title}. {finding.mend}" for finding in findings if not finding.ok)]
    if reasons:
        raise WrongSettings(reasons)


def _bring_model(settings: Settings, *, fetching: bool) -> None:
    """If the default model is an embedded one, take the user's own file for it, or fetch it if that is allowed."""
    from bot.embedded_models import MODELS
    from bot.model_files import fetch_with_bar

    if settings.default_model in MODELS and (fetching or settings.model_file):
        from rich.console import Console

        fetch_with_bar(settings.default_model, settings.data_dir, Console(), source=settings.model_file)


@contextmanager
def _bot(settings: Settings) -> Iterator[None]:
    from bot.app import Crewcall

    bot = Crewcall(settings, default_model=settings.default_model)
    try:
        bot.start()
        yield
    finally:
        bot.close()


@contextmanager
def _only_demo(data_dir: Path) -> Iterator[Path]:
    """Hold the demo's lock, a file for its address; two demos would write over each other's messages."""
    path = data_dir / "demo.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise NoDataDirectory(folder=data_dir.resolve(), reason=error.strerror) from None
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoIsRunning(url=path.read_text() or "an address it is about to say") from None
        path.write_text("")
        yield path


def _local_workspace(port: int, settings: Settings) -> LocalSlack:
    """A workspace with every door, on the first free port from ``port`` on; its messages outlive a restart."""
    from bot import manifest
    from bot.links import Links
    from bot.local_slack import LocalSlack

    asked = manifest.manifest("assistant", Links(settings.public_url).host)
    last = min(port + 19, 65535)
    for candidate in range(port, last + 1):
        try:
            return LocalSlack(asked, port=candidate, data_dir=settings.data_dir / "workspace").start()
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise NoFreePort(first=port, last=last)


def _in(workspace: LocalSlack, settings: Settings) -> Settings:
    """The same settings, but for the local workspace instead of the Slack they may name."""
    return settings.model_copy(
        update={
            "bot_token": SecretStr(workspace.bot_token),
            "app_token": SecretStr(workspace.app_token),
            "signing_secret": None,
            "slack_api_url": workspace.api_url,
        }
    )


def _say_where(url: str, model: str) -> None:
    from rich.console import Console
    from rich.panel import Panel

    words = f"Open [bold]{url}[/bold] and type [bold]/crew[/bold].\n\n{_who_answers(model)}\nCtrl+C stops everything."
    Console().print(Panel(words, title="Crewcall", padding=(1, 3), expand=False))


def _how_slack_reaches_it(settings: Settings) -> str:
    if settings.over_http:
        return f"Crewcall listens for Slack on http://{settings.http_host}:{settings.http_port}/slack/events."
    return "Crewcall is connected."


def _who_answers(model: str) -> str:
    if not model:
        return "There is no default model: every agent must name its own, or set CREWCALL_DEFAULT_MODEL."
    if model.startswith("local/"):
        return f"The embedded model {model} answers. It is for trying out, not for work."
    return f"Agents that name no model use {model}."


def main() -> None:
    """Run the command line; what a person can mend is said in a sentence and ends with status 1."""
    try:
        cli()
    except UserError as error:
        click.echo(error.sentence, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
