"""What happens between a project that somebody gives and the crews that it becomes: it takes seconds."""

from __future__ import annotations

from collections.abc import Sequence

from slack_sdk import WebClient

from bot.projects.bundle import Bundle, ProjectRefused
from bot.projects.reader import read
from bot.projects.shelf import Form
from bot.projects.source import from_files
from bot.projects.writing import packed
from bot.services import Actor
from bot.services.pictures import Pictures
from bot.services.projects import Decisions, Look, Projects
from bot.slack.blocks import Json
from bot.slack.gate import Gate
from bot.slack.loading import show
from bot.slack.people import direct_channel
from bot.slack.shared_files import SharedFiles
from handlers import project_words as words

# Said before anybody chooses files.
LIMITS = (
    "A ZIP of the whole folder, or its files: agents.yaml, tasks.yaml, crew.py, crew.jsonc, flow.yaml. "
    "At most 10 files of up to 10 MB each."
)
MOST_FILES = 10
# So many crews are drawn; more would fill the thread.
_PICTURES = 5


class Importing:
    """Imports behind a window that says what is going on."""

    def __init__(self, projects: Projects, pictures: Pictures, files: SharedFiles, gate: Gate) -> None:
        self.projects = projects
        self.pictures = pictures
        self.files = files
        self.gate = gate

    def look(self, client: WebClient, window: Json, ids: Sequence[str], actor: Actor) -> None:
        """Report what an import would do, and say so in the window."""
        show(client, window, words.looked(self.report(client, ids, actor)))

    def report(self, client: WebClient, ids: Sequence[str], actor: Actor, *, thread: str | None = None) -> Look:
        """Say in the person's direct messages what an import would do, with the button that does it.

        It is said in the ``thread`` there, or in one of its own.
        """
        if len(ids) > MOST_FILES:
            raise ProjectRefused(reason=f"These are {len(ids)} files. {LIMITS}")
        look = self.projects.look(self._bundle(ids), by=actor)
        channel = direct_channel(client, actor.user)
        ts = self.gate.post(channel, words.title(look), thread_ts=thread, team=actor.team).result()
        root = thread or ts
        for text in words.report(look):
            self.gate.post(channel, text, thread_ts=root, team=actor.team)
        self._draw(look, channel, root, actor)
        self.gate.post(channel, words.question(look), words.buttons(look, ids, root), root, team=actor.team)
        return look

    def begin(self, client: WebClient, window: Json, meta: Json, actor: Actor) -> None:
        """Create everything, or ask first what has to be decided."""
        bundle = self._bundle(meta["files"])
        look = self.projects.look(bundle, by=actor)
        if look.undecided:
            show(client, window, words.decisions_form(look).view(words.suggested(look), meta=meta))
        else:
            self._create(client, window, bundle, Decisions(), meta, actor)

    def decide(self, client: WebClient, window: Json, view: Json, meta: Json, actor: Actor) -> None:
        """Create everything as it was decided in the form."""
        bundle = self._bundle(meta["files"])
        look = self.projects.look(bundle, by=actor)
        self._create(client, window, bundle, words.decided(look, view), meta, actor)

    def send(self, client: WebClient, crew_id: int, form: Form | None, actor: Actor) -> list[str]:
        """Send a crew as a ZIP into the person's direct messages; what CrewAI alone cannot do, as sentences."""
        written = self.projects.export(crew_id, form, by=actor)
        channel, title = direct_channel(client, actor.user), f"{written.name} for CrewAI"
        self.gate.upload(channel, f"{written.name}.zip", packed(written), title, team=actor.team)
        return written.lost

    def send_shown(self, client: WebClient, window: Json, crew_id: int, actor: Actor) -> None:
        """The same, said in a window."""
        show(client, window, words.sent_window(self.send(client, crew_id, None, actor)))

    def _create(
        self, client: WebClient, window: Json, bundle: Bundle, decisions: Decisions, meta: Json, actor: Actor
    ) -> None:
        outcome = self.projects.create(bundle, decisions, by=actor)
        said = words.outcome(outcome)
        show(client, window, words.created(outcome, said))
        self.gate.post(direct_channel(client, actor.user), said, thread_ts=meta["thread"], team=actor.team)

    def _bundle(self, ids: Sequence[str]) -> Bundle:
        return read(from_files(self.files.contents(ids)))

    def _draw(self, look: Look, channel: str, ts: str, actor: Actor) -> None:
        for plan in look.plans[:_PICTURES]:
            picture = self.pictures.of_definition(plan.definition)
            png = self.pictures.png(picture)
            if png is not None:
                alt = " ".join(picture.words)[:1_000]
                self.gate.upload(channel, "picture.png", png, picture.name[:200], ts, alt, team=actor.team)
