"""The composition root: the one place that knows everything and joins it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pydantic import SecretStr
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

import handlers.agents
import handlers.assistant
import handlers.audit
import handlers.crews
import handlers.describing
import handlers.dropped
import handlers.help
import handlers.history
import handlers.home
import handlers.limits
import handlers.links
import handlers.memories
import handlers.mentions
import handlers.models
import handlers.more_settings
import handlers.moving
import handlers.pictures
import handlers.projects
import handlers.retrying
import handlers.reviews
import handlers.run_list
import handlers.run_page
import handlers.runs
import handlers.schedules
import handlers.sharing
import handlers.shortcuts
import handlers.states
import handlers.steps
import handlers.tasks
import handlers.templates
import handlers.tools
import handlers.workflows
from bot.engine.describing import drafted
from bot.engine.hardening import harden
from bot.engine.llms import Models
from bot.engine.memory import Stored
from bot.engine.news import is_news
from bot.engine.run import execute
from bot.engine.tools.toolbox import Kit, Toolbox
from bot.engine.warmup import Warmup
from bot.errors import UserError
from bot.events import ENDINGS, MOVES, RunEvent
from bot.links import Links
from bot.manifest import granted_scopes
from bot.pictures.png import Painter
from bot.progress.asked import Questions
from bot.progress.feed import Feed
from bot.redaction import Redactor
from bot.runner import Runner
from bot.scheduler import Scheduler
from bot.services.admins import Admins
from bot.services.agents import Agents
from bot.services.audit import AuditLog
from bot.services.clock import Clock
from bot.services.crews import Crews
from bot.services.describing import Describing
from bot.services.desk import RunDesk
from bot.services.files import FileShelf
from bot.services.flows import Flows
from bot.services.history import History
from bot.services.home import Home
from bot.services.limits import Limits
from bot.services.memories import Memories
from bot.services.models import Connections
from bot.services.news import Newsroom
from bot.services.pictures import Pictures, of_run
from bot.services.previews import Previews
from bot.services.projects import Projects
from bot.services.pruning import Pruning
from bot.services.reviews import Reviews, who_may
from bot.services.rights import Rights
from bot.services.run_history import RunHistory
from bot.services.runs import Runs
from bot.services.schedules import Schedules
from bot.services.sharing import Sharing
from bot.services.tasks import Tasks
from bot.services.templates import Templates
from bot.services.tools import Tools
from bot.services.workflows import StepEnd, Workflows
from bot.settings import Settings
from bot.slack.boundary import guard
from bot.slack.commands import Commands
from bot.slack.conversations import Conversations
from bot.slack.gate import Gate
from bot.slack.impatience import count_double_clicks_once
from bot.slack.later import Later
from bot.slack.people import People
from bot.slack.permalinks import Permalinks
from bot.slack.picture_files import PictureFiles
from bot.slack.shared_files import SharedFiles
from bot.slack.socket_mode import SocketMode
from bot.slack.step_ends import complete_step, fail_step
from bot.slack.text import escape, escape_but_people
from handlers.importing import Importing
from handlers.injection import inject
from handlers.live_home import LiveHome
from handlers.pages import Pages
from handlers.starting import Starter
from handlers.step_asking import StepAsking
from store import health, run_files
from store.database import Store
from store.reviews import Review
from store.runs import Execution
from store.secrets import Keyring
from store.secrets import check as check_keys
from store.sketches import CrewSketch

_log = logging.getLogger(__name__)

# How often it is looked which schedules are due.
_TICK = timedelta(seconds=5)
# Bolt runs the code of a button or command on these threads; each acks within milliseconds.
_LISTENERS = 32

# The order in which help shows the commands; help itself answers what nobody else did, so it comes last.
_DOORS = (
    handlers.crews,
    handlers.describing,
    handlers.templates,
    handlers.agents,
    handlers.tasks,
    handlers.steps,
    handlers.states,
    handlers.moving,
    handlers.more_settings,
    handlers.tools,
    handlers.runs,
    handlers.retrying,
    handlers.run_list,
    handlers.run_page,
    handlers.reviews,
    handlers.schedules,
    handlers.history,
    handlers.sharing,
    handlers.limits,
    handlers.models,
    handlers.pictures,
    handlers.projects,
    handlers.memories,
    handlers.audit,
    handlers.assistant,
    handlers.home,
    handlers.dropped,
    handlers.mentions,
    handlers.links,
    handlers.workflows,
    handlers.shortcuts,
    handlers.help,
)


class BotTokenRefused(UserError):
    """Slack refuses the bot token ({error}). Copy SLACK_BOT_TOKEN again from your app’s page, OAuth & Permissions."""


class SlackSilent(UserError):
    """Slack does not answer at {url} ({error}). Check the network and SLACK_API_URL, then start again."""


class Crewcall:
    """The whole bot; nothing happens before ``start``."""

    def __init__(self, settings: Settings, *, default_model: str) -> None:
        """Join the parts. ``default_model`` (``provider/model`` or ``""``) answers where an agent names none."""
        self.settings = settings
        harden(settings.data_dir)
        self.store = Store(settings.database)
        self.redactor = Redactor()
        self.models = Models(default_model, settings.data_dir, redactor=self.redactor)
        self.toolbox = Toolbox(settings.data_dir, redactor=self.redactor)
        self.warmup = Warmup(then=self.toolbox.learn)
        self.client = WebClient(token=_secret(settings.bot_token), base_url=settings.slack_api_url, timeout=10)
        # A form's answer waits for what Slack says about a person, so Slack gets a second, not ten, to say it.
        self._asking = WebClient(token=self.client.token, base_url=settings.slack_api_url, timeout=1)
        self.people = People(self._asking)
        self.admins, self.rights = Admins(self.people), Rights(self.people)
        self.keyring = Keyring(settings.keys, settings.secret_file)
        self.connections = Connections(self.store, self.keyring, self.models, self.admins)
        self.limits = Limits(self.store, self.rights, self.admins, self._resume)
        self.memories = Memories(self.store, self.rights)
        self.tools = Tools(self.store, self.rights, self.toolbox, self.admins)
        self.newsroom = Newsroom(self.store, self._is_news)
        self.later, self.painter = Later(), Painter()
        self.shelf = FileShelf(settings.data_dir)
        self._parts: list[Callable[[], object]] = [self.store.close, self.tools.close, self.later.close]

    def start(self) -> None:
        """Upgrade the database, connect to Slack, and import CrewAI in the background.

        Raises ``UserError`` with the mend when Slack refuses or cannot be reached, or stored keys cannot be read.
        """
        health.upgrade(self.store)
        with self.store.reading() as session:
            check_keys(session, self.keyring)
        bot_name = self._introduce()
        self.gate = Gate(lambda _team: self.client)
        self._parts.append(self.gate.close)
        draw = partial(of_run, self.painter)
        self.questions = Questions(self.store, self.gate, self._who_may, notify=self.notify)
        self._parts.append(self.questions.close)
        ask = self.questions.ask_of
        self.feed = Feed(
            self.store,
            self.gate,
            bot_name=bot_name,
            notify=self.notify,
            ask=ask,
            draw=draw,
            counting=self.limits.counting,
        )
        self._parts.append(self.feed.close)
        self.runner = Runner(self.store, self._execute, self._tell, workers=self.settings.max_concurrent_runs)
        self._parts.append(self.runner.close)
        launcher = _Launcher(self.feed, self.runner)
        self.runs = Runs(self.store, self.rights, launcher, self.connections.problem, self.tools.problem, self.shelf)
        self.clock = Clock(self.store, self.rights, self.people, self.runs, self.notify)
        self.reviews = Reviews(self.store, self.rights, self.people, launcher, self.questions)
        self.home = Home(self.store, self.rights, self.reviews)
        self.live_home = LiveHome(self.home, self.gate, Permalinks(self.client))
        self._parts.append(self.live_home.close)
        pruning = Pruning(self.store, self.settings.log_days)
        self.workflows = Workflows(self.store, self.runs, self._finish_step)
        jobs = (
            self.clock.tick,
            self.reviews.expire,
            self.questions.catch_up,
            self.workflows.tell,
            pruning.tick,
        )
        self.scheduler = Scheduler(every=_TICK, jobs=jobs)
        self._parts.append(self.scheduler.close)
        self.bolt = self._bolt()
        self._open_door()
        self.runner.recover()
        self.scheduler.start()
        self.warmup.start()

    def close(self) -> None:
        """Hear nothing more, end what runs, say what is still to be said, and leave; also after a failed start."""
        for part in reversed(self._parts):
            part()

    def _introduce(self) -> str:
        """Check the bot token, and return the bot's name."""
        try:
            said = self.client.auth_test()
        except SlackApiError as error:
            raise BotTokenRefused(error=error.response["error"]) from None
        except (SlackClientError, OSError) as error:
            raise SlackSilent(url=self.settings.slack_api_url, error=error) from None
        self.conversations = Conversations(self._asking, granted_scopes(said.headers))
        return str(said["user"])

    def _bolt(self) -> App:
        bolt = App(
            client=self.client,
            signing_secret=_secret(self.settings.signing_secret) or "",
            request_verification_enabled=self.settings.over_http,
            listener_executor=ThreadPoolExecutor(_LISTENERS, thread_name_prefix="listener"),
            raise_error_for_unhandled_request=True,
        )
        guard(bolt)
        count_double_clicks_once(bolt)
        commands = Commands(bolt, "/crew")
        links = Links(self.settings.public_url)
        crews = Crews(self.store, self.rights, self.tools.problem, self.connections.problem, links)
        flows, pictures, files = Flows(self.store, self.rights), Pictures(crews, self.painter), PictureFiles()
        projects = Projects(self.store, self.rights, self.connections.problem)
        services: Mapping[str, object] = {
            "crews": crews,
            "home": self.home,
            "live_home": self.live_home,
            "pictures": pictures,
            "projects": projects,
            "templates": Templates(self.store, self.rights, projects),
            "importing": Importing(projects, pictures, SharedFiles(self.client), self.gate),
            "picture_files": files,
            "agents": Agents(self.store, self.rights, self.connections.problem),
            "tasks": Tasks(self.store, self.rights),
            "flows": flows,
            "pages": Pages(crews, pictures, files, self.later),
            "step_asking": StepAsking(flows, crews, self.connections, self.people),
            "history": History(self.store, self.rights),
            "memories": self.memories,
            "workflows": self.workflows,
            "describing": Describing(self.store, self.rights, self._drafted),
            "sharing": Sharing(self.store, self.rights),
            "admins": self.admins,
            "people": self.people,
            "audit": AuditLog(self.store, self.admins),
            "connections": self.connections,
            "runs": self.runs,
            "reviews": self.reviews,
            "schedules": Schedules(self.store, self.rights, self.admins, self.people, self.runs),
            "run_history": RunHistory(self.store, self.rights, links),
            "links": links,
            "previews": Previews(self.store, self.rights),
            "limits": self.limits,
            "tools": self.tools,
            "gate": self.gate,
            "conversations": self.conversations,
            "commands": commands,
            "later": self.later,
            "starter": Starter(self.runs, SharedFiles(self.client), self.later, self.gate, self.client),
        }
        inject(bolt, services, self.gate)
        for door in _DOORS:
            door.register(bolt, commands)
        return bolt

    def _open_door(self) -> None:
        if self.settings.over_http:
            from bot.web.server import serve

            ready = {"database": lambda: health.fault(self.store)}
            server = serve(self.bolt, self.settings.http_host, self.settings.http_port, ready=ready)
            self._parts.append(server.stop)
            return
        socket = SocketMode(self.bolt, _secret(self.settings.app_token) or "")
        self._parts.append(socket.stop)
        socket.start()

    def _execute(self, run: Execution, emit: Callable[[RunEvent], None], stop: threading.Event) -> str:
        self.warmup.wait()
        models = self.connections.models_of(run.team, seconds=self.limits.call_seconds(run))
        with self.limits.holding(run) as meter, self._kit(run) as kit:
            result = execute(
                run.definition,
                run.inputs,
                run_id=run.id,
                models=models,
                emit=emit,
                stop=stop,
                kit=kit,
                meter=meter,
                memory=Stored(self.store, run, meter),
                desk=RunDesk(self.store, run, self.questions.ask),
            )
        self.newsroom.weigh(run.id, result)
        return result

    @contextmanager
    def _kit(self, run: Execution) -> Iterator[Kit]:
        """What one run works with: its tools, what its crews remember, and the files that it was given."""
        with self.store.reading() as session:
            given = run_files.of_run(session, run.id)
        facts, allowed = partial(self.memories.of_run, run.team), self.tools.allowed(run.team)
        with self.toolbox.run_dir(run.id) as run_dir:
            if given:
                self.shelf.lay_out(given, run_dir)
            yield Kit(self.toolbox, run_dir, allowed, facts, given, self.shelf.path)

    def _tell(self, event: RunEvent) -> None:
        self.feed(event)
        if isinstance(event, ENDINGS):
            self.questions.run_over(event.run_id)
            self.later.behind(_log.warning, partial(self.workflows.tell, event.run_id))
        if isinstance(event, MOVES):
            self.live_home.run_moved()

    def _who_may(self, review: Review) -> str:
        return escape_but_people(*who_may(self.store, review, self.people))

    def _resume(self, run_id: int) -> None:
        self.runner.enqueue(run_id)

    def notify(self, team: str, user: str, text: str) -> None:
        """Say something to a person in their direct messages with the bot; it returns at once."""
        self.gate.post(user, escape(text), team=team)

    def _finish_step(self, end: StepEnd) -> None:
        if end.error is not None:
            fail_step(self.client, end.step_id, end.error)
        elif end.run is not None:
            complete_step(self.client, end.step_id, end.result, end.run.channel, end.run.thread_ts)

    def _drafted(self, team: str, wish: str, current: CrewSketch | None) -> CrewSketch:
        self.warmup.wait()
        return drafted(self.connections.models_of(team), wish, current=current)

    def _is_news(self, team: str, model: str, rule: str, before: str, result: str) -> bool:
        return is_news(self.connections.models_of(team), model, rule, before, result)


@dataclass(frozen=True)
class _Launcher:
    """Makes a run known in Slack, and only then lets it begin."""

    feed: Feed
    runner: Runner

    def launch(self, run: Execution, tell: Callable[[str], None]) -> None:
        self.feed.announce(run, tell=tell, then=self.runner.enqueue)

    def stop(self, run: Execution, by: str) -> None:
        self.runner.stop(run, by)

    def resume(self, run_id: int) -> None:
        self.runner.enqueue(run_id)


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None
