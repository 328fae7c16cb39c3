"""Making the tools of a run: what each still needs, said with the mend, and the objects that CrewAI uses."""

from __future__ import annotations

import contextvars
import logging
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.engine.hardening import tame
from bot.engine.tools import files, mcp, own, web
from bot.engine.tools.catalogue import Entry, Setting, packaged
from bot.engine.tools.run_files import GivenFile, tools_for
from bot.errors import Refused, UserError
from bot.redaction import Redactor

if TYPE_CHECKING:
    from crewai.tools import BaseTool

    from bot.engine.remembering import Facts

# A secret of a tool is an environment variable that the server's owner has meant for tools.
SECRET_PREFIX = "CREWCALL_TOOL_"  # noqa: S105 - the beginning of a name
_SECRET_NAME = re.compile(rf"{SECRET_PREFIX}[A-Z0-9_]+")

# What each danger is called in a refusal.
_DOES = {"code": "runs code", "files": "reads and writes files", "database": "reaches a database"}

_log = logging.getLogger(__name__)


class ToolUnusable(UserError):
    """{reason}"""


class TookTooLong(UserError):
    """The tool had no answer after {seconds} seconds. It may still be at work; nothing waits for it any more."""


class Configured(Protocol):
    """A tool as somebody set it up: in the store, or in a run's definition."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def tool_type(self) -> str: ...
    @property
    def config(self) -> dict[str, Any]: ...


@dataclass
class Toolbox:
    """The kinds of tools that there are here, and the way to the objects made from them."""

    data_dir: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    redactor: Redactor = field(default_factory=Redactor, repr=False)
    _own: dict[str, tuple[Entry, type[BaseTool]]] = field(default_factory=dict, repr=False)

    def learn(self) -> None:
        """Load the tools that others have installed; imports CrewAI, so not while somebody waits."""
        self._own = own.installed()

    def entries(self) -> list[Entry]:
        """The whole catalogue: one's own first."""
        return [*(entry for entry, _ in self._own.values()), mcp.ENTRY, *packaged().values()]

    def entry(self, tool_type: str) -> Entry | None:
        """The kind with this name."""
        if tool_type in self._own:
            return self._own[tool_type][0]
        return mcp.ENTRY if tool_type == mcp.ENTRY.name else packaged().get(tool_type)

    def lacks(self, entry: Entry) -> list[str]:
        """What is missing on the server for tools of this kind, a mend each, as in “… needs SERPER_API_KEY. …”."""
        keys = [name for name in entry.env if not self.environ.get(name)]
        packages = [name for name in entry.packages if not _installed(name)]
        mends = [f"{' and '.join(keys)}. Set it on the server and start the bot again."] if keys else []
        if packages:
            mends.append(
                f"another package. Install it on the server: pip install {' '.join(repr(each) for each in packages)}."
            )
        return mends

    def problem(self, tool: Configured, allowed: Collection[str]) -> str | None:
        """What keeps the tool from being used where these dangers are ``allowed``; ``None`` if nothing is known."""
        entry = self.entry(tool.tool_type)
        named = f"The tool “{tool.name}”"
        if entry is None:
            return f"{named} is of a kind that is not here any more. Remove it, or install {tool.tool_type} again."
        if entry.danger and entry.danger not in allowed:
            does = _DOES[entry.danger]
            return f"{named} {does}, which is off here. An administrator can allow it: /crew tools, Settings."
        if missing := [each.title for each in entry.settings if each.required and not tool.config.get(each.name)]:
            return f"{named} needs its setting {' and '.join(missing)}. Edit it."
        if unset := [name for name in entry.secrets(tool.config) if not self.environ.get(name)]:
            return f"{named} needs {' and '.join(unset)}. Set it on the server and start the bot again."
        mends = self.lacks(entry)
        return f"{named} needs {mends[0]}" if mends else None

    def make(self, tool: Configured, run_dir: Path, allowed: Collection[str]) -> list[BaseTool]:
        """The tool's objects, one except for a server with several; raises ``ToolUnusable`` with a sentence."""
        if problem := self.problem(tool, allowed):
            raise ToolUnusable(reason=problem)
        entry = self.entry(tool.tool_type)
        assert entry  # problem() has looked
        tame()
        try:
            made = self._built(entry, tool, run_dir, private="private" in allowed)
        except UserError as refusal:
            raise ToolUnusable(reason=f"The tool “{tool.name}” cannot be used. {refusal.sentence}") from None
        except Exception as error:  # noqa: BLE001 - a constructor of somebody else's may raise anything
            said = self.redactor(str(error)).strip().partition("\n")[0] or type(error).__name__
            raise ToolUnusable(reason=f"The tool “{tool.name}” cannot be used: {said}") from None
        if not made:
            raise ToolUnusable(reason=f"The tool “{tool.name}” has nothing to offer any more. Edit it.")
        return made

    def try_out(
        self, tool: Configured, arguments: Mapping[str, Any], allowed: Collection[str], *, seconds: float
    ) -> str:
        """Use the tool once, and return what it says; raises ``ToolUnusable``, ``TookTooLong`` or ``Refused``."""
        outcome: list[str | UserError] = []

        def work() -> None:
            with self.run_dir(f"try-{secrets.token_hex(6)}") as run_dir:
                outcome.append(self._tried(tool, arguments, allowed, run_dir))

        # Nobody can end a thread from outside: one that takes too long goes on alone.
        thread = threading.Thread(
            target=contextvars.Context().run, args=(work,), name=f"try-{tool.tool_type}", daemon=True
        )
        thread.start()
        thread.join(seconds)
        if not outcome:
            raise TookTooLong(seconds=round(seconds))
        if isinstance(outcome[0], UserError):
            raise outcome[0]
        return outcome[0]

    def server(self, config: Mapping[str, Any], *, private: bool) -> mcp.Server:
        """The MCP server that a tool's settings name; ``private`` says whether it may be at a private address."""
        settings = self._settings(mcp.ENTRY, config)
        settings.pop("tools", None)
        return mcp.Server(**settings, private=private)

    @contextmanager
    def run_dir(self, run: int | str) -> Iterator[Path]:
        """A directory for one run's files, made by whoever writes first and gone at the end."""
        path = self.data_dir.resolve() / "runs" / str(run)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _built(self, entry: Entry, tool: Configured, run_dir: Path, *, private: bool) -> list[BaseTool]:
        if entry.name == mcp.ENTRY.name:
            return mcp.build(self.server(tool.config, private=private), tool.config.get("tools") or [])
        settings = self._settings(entry, tool.config)
        if entry.name in self._own:
            return [_named(self._own[entry.name][1](**settings), tool)]
        import crewai_tools

        kind: type[BaseTool] = getattr(crewai_tools, entry.name)
        if entry.name in files.NAMES:
            return [_named(files.build(kind, settings, run_dir), tool)]
        for name in web.ADDRESSES & settings.keys():
            web.check(settings[name])
        if "collection_name" in kind.model_fields and "collection_name" not in settings:
            # What a tool has read stays its own: all collections are in one database.
            settings["collection_name"] = f"tool_{tool.id}"
        return [_named(web.guarded(kind(**settings)), tool)]

    def _settings(self, entry: Entry, config: Mapping[str, Any]) -> dict[str, Any]:
        """What the tool is made with: only what its kind knows, secrets in place of their names."""
        values = {each.name: self._value(each, config) for each in entry.settings}
        return {name: value for name, value in values.items() if value is not None}

    def _value(self, setting: Setting, config: Mapping[str, Any]) -> Any:
        value = config.get(setting.name, setting.default)
        if not setting.secret or value is None:
            return value
        return self.environ.get(value) if _SECRET_NAME.fullmatch(str(value)) else None

    def _tried(
        self, tool: Configured, arguments: Mapping[str, Any], allowed: Collection[str], run_dir: Path
    ) -> str | UserError:
        try:
            made = self.make(tool, run_dir, allowed)
            chosen = made[0]
            if tool.tool_type == mcp.ENTRY.name:
                chosen = next((each for each in made if each.name == arguments["tool"]), chosen)
                arguments = arguments.get("arguments") or {}
            return self.redactor(_said(chosen, arguments))
        except UserError as refusal:
            return refusal
        except Exception as error:  # noqa: BLE001 - a tool of somebody else's may raise anything
            _log.warning("the tool %s failed when it was tried: %s", tool.tool_type, self.redactor(repr(error)))
            return Refused(reason=f"It failed: {self.redactor(str(error)) or type(error).__name__}")


@dataclass(frozen=True)
class Kit:
    """Where one run gets its tools: made in its own directory, with what its workspace allows.

    ``facts`` gives what a crew remembers, by the crew's name.
    """

    toolbox: Toolbox
    run_dir: Path
    allowed: Collection[str] = ()
    facts: Callable[[str], Facts] | None = None
    # What people gave to the run, and where each file is.
    files: Sequence[GivenFile] = ()
    path: Callable[[Any], Path] = Path

    def readers(self, llm: Any) -> list[BaseTool]:
        """The tools with which an agent reads the run's files; ``llm`` is the agent's model."""
        return tools_for(self.files, self.path, llm)

    def make(self, tool: Configured) -> list[BaseTool]:
        """See ``Toolbox.make``."""
        return self.toolbox.make(tool, self.run_dir, self.allowed)


def secret_name(name: str) -> bool:
    """Whether ``name`` is an environment variable that a tool may be given."""
    return bool(_SECRET_NAME.fullmatch(name))


def _said(tool: BaseTool, arguments: Mapping[str, Any]) -> str:
    from crewai.tools.tool_failure import ToolFailure
    from crewai_core.printer import set_suppress_console_output

    set_suppress_console_output(True)
    answer = tool.run(**arguments)
    if isinstance(answer, ToolFailure):
        raise Refused(reason=f"It failed: {answer.message}")
    return tool.format_output_for_agent(answer)


def _named(tool: BaseTool, given: Configured) -> BaseTool:
    """The tool under the name its team gave it, with their words about it before its own."""
    tool.name = given.name
    if given.description.strip():
        tool.description = f"{given.description.strip()}\n{tool.description}"
    return tool


def _installed(package: str) -> bool:
    """Whether a package is there, by the name it is installed under, with or without a version."""
    try:
        distribution(re.split(r"[\s<>=!~\[;]", package)[0])
    except PackageNotFoundError:
        return False
    return True
