"""The workspace's tools: setting them up, trying them, and what is allowed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bot.engine.tools import mcp
from bot.engine.tools.catalogue import Entry, search
from bot.engine.tools.toolbox import SECRET_PREFIX, Toolbox, secret_name
from bot.errors import FormRefused, Gone, Refused, UserError
from bot.services import Actor
from bot.services.admins import Admins
from bot.services.audit import Verb, note
from bot.services.rights import Rights
from store import agents, crews, tools, workspace_settings
from store.agents import Agent
from store.database import Store
from store.shares import Level
from store.tools import Tool, ToolDraft

# How long a tool may take when somebody tries it, in seconds.
TRY_SECONDS = 60
# Tools that take long must not keep others from being tried.
_TRIED_AT_ONCE = 8

# Slack takes no longer value in a menu; CrewAI takes names of 64 characters anyway.
_LONGEST_NAME = 75

_log = logging.getLogger(__name__)

# Told once with what came out: the words of a tool or the tools of a server, or why nothing did.
Then = Callable[[Any, UserError | None], None]


class ToolUnready(UserError):
    """{reason}"""


@dataclass(frozen=True)
class ToolLine:
    """One tool of the workspace: its kind (``None`` if it is not here any more), who has it, what it needs.

    Who has it are agents with the names of their crews.
    """

    tool: Tool
    entry: Entry | None
    holders: list[tuple[Agent, str]]
    # How many more agents have it, in crews that are not shared with the person.
    hidden: int
    problem: str | None


class Tools:
    """The workspace's tools."""

    def __init__(self, store: Store, rights: Rights, toolbox: Toolbox, admins: Admins) -> None:
        self.store = store
        self.rights = rights
        self.toolbox = toolbox
        self.admins = admins
        self._threads = ThreadPoolExecutor(_TRIED_AT_ONCE, thread_name_prefix="tools")

    def close(self) -> None:
        """Let nobody begin to try anything any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def entry(self, tool_type: str) -> Entry:
        """The kind of tool with this name; raise ``Gone``."""
        entry = self.toolbox.entry(tool_type)
        if entry is None:
            raise Gone(kind="kind of tool")
        return entry

    def found(self, words: str) -> list[Entry]:
        """The kinds of tools that fit the words, the likeliest first; all of them for none."""
        return search(self.toolbox.entries(), words)

    def lacks(self, entry: Entry, *, by: Actor) -> list[str]:
        """What has to happen before a tool of this kind can be used: sentences, none if nothing is missing."""
        lacks = [f"It needs {mend}" for mend in self.toolbox.lacks(entry)]
        if entry.danger and entry.danger not in self.allowed(by.team):
            whom = self.admins.whom_to_ask(by)
            lacks.insert(0, f"It is off in this workspace. Administrators can allow it under Settings. Ask {whom}.")
        return lacks

    def allowed(self, team: str) -> list[str]:
        """The dangers that the workspace allows."""
        with self.store.reading() as session:
            return workspace_settings.get(session, team).allowed_dangers

    def allow(self, dangers: list[str], *, by: Actor) -> None:
        """Allow exactly these dangers; raise ``AdministratorsOnly``."""
        self.admins.require(by, "decide which tools are allowed")
        with self.store.transaction() as session:
            workspace_settings.change(session, by.team, allowed_dangers=dangers)
            note(session, Verb.ALLOWED, "tools", ", ".join(dangers) or "nothing", by=by)

    def problem(self, tool: Tool, team: str) -> str | None:
        """What keeps a tool from being used in this workspace, with the mend."""
        return self.toolbox.problem(tool, self.allowed(team))

    def lines(self, *, by: Actor) -> list[ToolLine]:
        """All tools by name, with everything that their page shows."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            known = tools.list_all(session, team=by.team)
            holders = tools.holders(session, team=by.team)
            seen = {crew_id for crew_id, _ in crews.names(session, team=by.team, seer=viewer.seer)}
            allowed = workspace_settings.get(session, by.team).allowed_dangers

        def line(tool: Tool) -> ToolLine:
            held = holders.get(tool.id, [])
            shown = [(agent, crew) for agent, crew in held if agent.crew_id in seen]
            entry, problem = self.toolbox.entry(tool.tool_type), self.toolbox.problem(tool, allowed)
            return ToolLine(tool, entry, shown, len(held) - len(shown), problem)

        return [line(tool) for tool in known]

    def names(self, *, by: Actor) -> list[tuple[int, str]]:
        """Id and name of every tool, to choose from."""
        with self.store.reading() as session:
            return [(tool.id, tool.name) for tool in tools.list_all(session, team=by.team)]

    def held(self, agent_id: int, *, by: Actor) -> list[int]:
        """The ids of the agent's tools; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            viewer.require(session, agents.get(session, agent_id, team=by.team).crew_id, Level.RUN)
            return [tool.id for tool in tools.of_agents(session, [agent_id], team=by.team)[agent_id]]

    def get(self, tool_id: int, *, by: Actor) -> Tool:
        """One tool; raise ``Gone``."""
        with self.store.reading() as session:
            return tools.get(session, tool_id, team=by.team)

    def add(self, draft: ToolDraft, *, by: Actor) -> Tool:
        """Add a tool; raise ``NameTaken``, ``FormRefused``, or ``AdministratorsOnly`` for one that holds a secret."""
        self.check(draft, by=by)
        with self.store.transaction() as session:
            tool = tools.add(session, draft, team=by.team, by=by.user)
            note(session, Verb.CREATED, "tool", tool.name, by=by)
            return tool

    def change(self, tool_id: int, draft: ToolDraft, *, version: int, by: Actor) -> Tool:
        """Save an edit of ``version``; raise as ``add`` does, ``EditedMeanwhile`` or ``Gone``."""
        self.check(draft, by=by, was=self.get(tool_id, by=by).config)
        with self.store.transaction() as session:
            tool = tools.change(session, tool_id, draft, team=by.team, version=version, by=by.user)
            note(session, Verb.CHANGED, "tool", tool.name, by=by)
            return tool

    def remove(self, tool_id: int, *, by: Actor) -> Tool:
        """Remove a tool from the workspace and its agents, and return what it was.

        Raise ``Gone``, or ``AdministratorsOnly`` for a tool that holds a secret.
        """
        self.check(self.get(tool_id, by=by).draft(), by=by)
        with self.store.transaction() as session:
            tool = tools.remove(session, tool_id, team=by.team)
            note(session, Verb.DELETED, "tool", tool.name, by=by)
            return tool

    def check(self, draft: ToolDraft, *, by: Actor, was: Mapping[str, Any] | None = None) -> None:
        """Raise ``FormRefused`` for what is no secret's name, and ``AdministratorsOnly`` for a tool that holds one.

        A secret travels to whatever address is set, so the other settings are the administrators' too.
        """
        entry = self.entry(draft.tool_type)
        wrong = {
            setting.name: f"Write the name of an environment variable of the server that begins with {SECRET_PREFIX}."
            for setting in entry.settings
            if setting.secret and draft.config.get(setting.name) and not secret_name(str(draft.config[setting.name]))
        }
        if wrong:
            raise FormRefused(fields={f"setting_{name}": sentence for name, sentence in wrong.items()})
        if entry.secrets(draft.config) or entry.secrets(was or {}):
            self.admins.require(by, "set up a tool that holds a secret")

    def check_ready(self, tool: Tool, *, by: Actor) -> None:
        """Raise ``ToolUnready`` with what keeps the tool from being used."""
        if problem := self.problem(tool, by.team):
            raise ToolUnready(reason=problem)

    def discover(self, draft: ToolDraft, then: Then, *, by: Actor) -> None:
        """Ask an MCP server for its tools, and tell ``then`` as (name, what it does); ``check`` the draft before."""
        private = "private" in self.allowed(by.team)
        server = self.toolbox.server(draft.config, private=private)

        def ask() -> list[tuple[str, str]]:
            found = mcp.discover(server)
            return [(tool.name, tool.description) for tool in found if len(tool.name) <= _LONGEST_NAME]

        self._later(ask, then)

    def try_out(self, tool_id: int, arguments: Mapping[str, Any], then: Then, *, by: Actor) -> None:
        """Use the tool once in the background, for at most ``TRY_SECONDS``, and tell ``then`` what it says."""
        tool, allowed = self.get(tool_id, by=by), self.allowed(by.team)
        self._later(lambda: self.toolbox.try_out(tool, arguments, allowed, seconds=TRY_SECONDS), then)

    def _later(self, work: Callable[[], Any], then: Then) -> None:
        def run() -> None:
            try:
                outcome, refusal = work(), None
            except UserError as error:
                outcome, refusal = None, error
            except Exception:  # noqa: BLE001 - whoever waits is told in any case
                _log.exception("a tool could not be asked")
                outcome, refusal = None, Refused(reason="Something went wrong on our side. Please try again.")
            try:
                then(outcome, refusal)
            except Exception:  # noqa: BLE001 - it is a thread of ours, and nobody else would hear of it
                _log.exception("nobody could be told what a tool said")

        self._threads.submit(run)
