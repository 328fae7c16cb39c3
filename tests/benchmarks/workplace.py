"""A workspace, a model that takes 200 ms, and the programs to be measured, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.local_slack import LocalSlack
from bot.manifest import manifest
from tests.benchmarks.crews import store_crews
from tests.local_slack.acting import Person

ANA, TEAM = "U0ANA000001", "T0NORTHWIND"
CREWCALL = "bot.cli"


class Program:
    """A Python program with pipes to it, ended by its own id when the ``with`` block ends."""

    def __init__(self, module: str, *words: str, env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                env={**_clean(), **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate()

    def reads(self) -> str:
        """The next line it prints; fails with its last words if it has ended."""
        assert self.process.stdout
        if line := self.process.stdout.readline():
            return line.strip()
        raise RuntimeError(f"{self.process.args!r} ended:\n{self._log.read_text()[-2000:]}")

    def says(self, line: str) -> None:
        """Give it a line to read."""
        assert self.process.stdin
        print(line, file=self.process.stdin, flush=True)

    @property
    def megabytes(self) -> float:
        """The memory it holds now (RSS)."""
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, check=True)
        return int(told.stdout) / 1024


@dataclass
class Place:
    """One workspace with one app in it, and Ana who sits there."""

    slack: LocalSlack
    ana: Person
    data_dir: Path
    env: Mapping[str, str]

    def program(self, module: str, *words: str) -> Program:
        return Program(module, *words, env=self.env, log=self.data_dir / "log")


@contextmanager
def scripted_model() -> Iterator[dict[str, str]]:
    """The environment that leads to the model."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Program("tests.benchmarks.scripted", env={}, log=Path(folder) / "log") as program,
    ):
        yield json.loads(program.reads())


@contextmanager
def place(model: Mapping[str, str], *, rate_limits: bool = False) -> Iterator[Place]:
    """A new workspace; the bot that will join it has its crews already."""
    with ExitStack() as ending:
        data_dir = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        slack = ending.enter_context(LocalSlack(manifest(), rate_limits=rate_limits))
        store_crews(data_dir, TEAM, ANA)
        env = {
            **model,
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "CREWCALL_DATA_DIR": str(data_dir),
            "CREWCALL_MAX_CONCURRENT_RUNS": "20",
            "CREWAI_STORAGE_DIR": str(data_dir / "crewai"),
        }
        yield Place(slack, Person(slack, ANA), data_dir, env)


def _clean() -> dict[str, str]:
    """This environment without what it says about a bot."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CREWCALL_", "SLACK_"))}
