"""People of the local workspace, who act as its page does and find everything by the words they see."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlencode

from tests.support.reading import Json, elements, message_words, view_words, words

T = TypeVar("T")

PATIENCE_SECONDS = 10.0
_NAMED = {
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "conversations_select": "selected_conversation",
}
_SET = {"timepicker": "selected_time", "datepicker": "selected_date"}
_CHOSEN = {"static_select": "selected_option", "radio_buttons": "selected_option"}


class Person:
    """One person at the workspace ``url``, at first in #general.

    What she sees and presses is in front of her: the top window if one is open, else her home tab if she went there,
    else the thread she opened, else the channel. Everything waits until it is there, and fails with what she sees.
    """

    def __init__(self, url: str, user: str) -> None:
        self._url = url
        self.id = user
        state = self.asks("state")
        self._names = {one["id"]: one["real_name"] for one in state["users"]}
        self._names |= {one["id"]: one["name"] for one in state["channels"]}
        self._channels = {one["name"]: one["id"] for one in state["channels"]}
        self.name = self._names[user]
        self._filled: dict[str, Json] = {}
        self._errors: dict[str, str] = {}
        self._attached: list[str] = []
        self._home = False
        self._thread: str | None = None
        self.goes_to("#general")

    # --- Going somewhere -------------------------------------------------------------------------------------------

    def goes_to(self, channel: str) -> None:
        """Look at a channel: “#general”, or “Crew” for the direct messages with the bot."""
        self.channel = self._channels[channel.removeprefix("#")]
        self._home, self._thread = False, None

    def opens_home(self) -> None:
        """Go to the bot's home tab."""
        self.does("open_home", tab="home")
        self._home = True

    def opens_thread(self, of: str) -> None:
        """Open the thread of the newest message with these words."""
        self._thread = self._message(of)["ts"]

    def closes_thread(self) -> None:
        """Look at the channel again."""
        self._thread = None

    def invites_the_bot(self) -> None:
        """Bring the bot into this channel."""
        self.does("invite", channel=self.channel)

    # --- Doing something -------------------------------------------------------------------------------------------

    def types(self, line: str) -> None:
        """Type a command, or a message where it begins without a slash."""
        assert not self.windows, f"a window is in the way of typing:\n{self.seen}"
        if not line.startswith("/"):
            files, self._attached = self._attached, []
            thread = {"thread_ts": self._thread} if self._thread else {}
            self.does("message", channel=self.channel, text=line, file_ids=files, **thread)
            return
        command, _, text = line.partition(" ")
        self.does("command", channel=self.channel, command=command, text=text)

    def attaches(self, name: str, content: str | bytes) -> None:
        """Put a file beside the message that she types next."""
        self._attached.append(self._uploaded(name, content))

    def uses_on(self, message: str, shortcut: str) -> None:
        """Choose a shortcut from the menu of the newest message in front of her with these words."""
        where = self._until(lambda: self._shown_with(message), f"a message with “{message}”")
        ids = {"channel": self.channel, "message_ts": where["ts"], "callback_id": self._shortcut("message", shortcut)}
        self.does("shortcut", **ids)

    def uses(self, shortcut: str) -> None:
        """Choose a shortcut from the menu beside the box one types into."""
        self.does("shortcut", channel=self.channel, callback_id=self._shortcut("global", shortcut))

    def writes_together_with(self, *others: str) -> None:
        """Go to a conversation with these people and the bot."""
        people = [one for one, name in self._names.items() if name in others]
        self.channel = self.does("group", **{"with": people})["channel"]
        self._home, self._thread = False, None

    def starts_a_conversation(self) -> None:
        """Open a new conversation with the bot, as with an assistant."""
        self.goes_to("Crew")
        self._thread = self.does("conversation")["ts"]

    def goes_elsewhere(self, channel: str) -> None:
        """Look at another channel while the conversation with the bot stays open beside it."""
        self.does("conversation", thread_ts=self._thread, channel=self._channels[channel.removeprefix("#")])

    @property
    def suggestions(self) -> list[str]:
        """What the bot suggests to write here, when it suggests anything."""
        thread = {"thread_ts": self._thread} if self._thread else {}

        def offered() -> list[str]:
            prompts = self.asks("messages", channel=self.channel, **thread)["prompts"]
            return [one["title"] for one in prompts]

        return self._until(offered, "suggestions")

    def runs_step(self, title: str, **inputs: Any) -> str:
        """Run a step of the bot's in a workflow; its id. Inputs go by the words of their labels, “_” for a space."""
        step = next(one for one in self.asks("state")["steps"] if one["title"] == title)
        names = {one["title"].casefold(): one["name"] for one in step["input_parameters"]}
        known = {name: one for one, name in self._names.items()}
        known |= {f"#{name}": one for name, one in self._channels.items()}
        given = {names[label.replace("_", " ").casefold()]: known.get(value, value) for label, value in inputs.items()}
        return str(self.does("step", callback_id=step["callback_id"], inputs=given)["id"])

    def sees_step(self, step_id: str, status: str) -> Json:
        """Wait until a step is “completed” or “failed”; its outputs, or its error."""

        def ended() -> Json | None:
            step = next(one for one in self.asks("steps")["steps"] if one["id"] == step_id)
            return step if step["status"] == status else None

        return self._until(ended, f"the step to be {status}; there is {self.asks('steps')['steps']}")

    def gives(self, label: str, *files: tuple[str, str | bytes]) -> None:
        """Put files, each a name and its content, into the input with this label."""
        block = self._input(label)
        shared = [{"id": self._uploaded(name, content)} for name, content in files]
        self._filled.setdefault(block["block_id"], {})[block["element"]["action_id"]] = {"files": shared}

    def fills(self, label: str, text: str) -> None:
        """Write into the input with this label, over what is there; a time as 09:30, a date as 2026-12-24."""
        block = self._input(label)
        key = _SET.get(block["element"]["type"], "value")
        self._filled.setdefault(block["block_id"], {})[block["element"]["action_id"]] = {key: text}

    def chooses(self, label: str, *options: str) -> None:
        """Choose from the menu with this label; several where it takes several, none to clear it."""
        block = self._input(label)
        if block["element"]["type"] in _NAMED:
            self._names_chosen(block, options)
            return
        offered = _options(block["element"])
        missing = [option for option in options if option not in offered]
        assert not missing, f"“{label}” offers {list(offered)}, not {missing}"
        chosen: list[Json] = [offered[option] for option in options]
        single = _CHOSEN.get(block["element"]["type"])
        answer = {single: chosen[0] if chosen else None} if single else {"selected_options": chosen}
        if block.get("dispatch_action"):
            self._acts(self._form(), block, block["element"], answer)
            return
        self._filled.setdefault(block["block_id"], {})[block["element"]["action_id"]] = answer

    def _names_chosen(self, block: Json, options: tuple[str, ...]) -> None:
        known = {name: one for one, name in self._names.items()}
        known |= {f"#{name}": one for name, one in self._channels.items()}
        chosen = [known[option] for option in options]
        key = _NAMED[block["element"]["type"]]
        answer = {key: chosen if key.endswith("s") else next(iter(chosen), None)}
        self._filled.setdefault(block["block_id"], {})[block["element"]["action_id"]] = answer

    def submits(self) -> None:
        """Press the button at the bottom of the window; what is refused is in ``sees_error``."""
        view = self._form()
        labels = {block["block_id"]: block["label"]["text"] for block in view["blocks"] if block["type"] == "input"}
        answer = self._post("submit", view_id=view["id"], values=self._filled)
        self._filled = {}
        assert answer["ok"] or "errors" in answer, f"Slack says: {answer['error']}"
        self._errors = {labels[block]: sentence for block, sentence in answer.get("errors", {}).items()}

    def presses(self, button: str, *, beside: str = "", and_confirms: str | None = None, times: int = 1) -> None:
        """Press a button, the newest one that there is or the one in the block or message with the words ``beside``.

        ``and_confirms`` is the button in the question that comes before it happens. Several ``times`` come as
        impatience makes them: the same button of the same message, whether it is still there or not.
        """
        where, block, element = self._until(lambda: self._find("button", button, beside), f"a button “{button}”")
        asked = element.get("confirm", {}).get("confirm", {}).get("text")
        assert asked == and_confirms, f"“{button}” asks to press “{asked}” first"
        for _ in range(times):
            self._acts(where, block, element, {})

    def presses_old(self, button: str, message: Json) -> None:
        """Press a button of a message as it was when she saw it, as in a window that has not caught up."""
        found = [(block, each) for block in message["blocks"] for each in elements(block)]
        block, element = next((block, each) for block, each in found if each.get("text", {}).get("text") == button)
        self._acts(message, block, element, {}, seen=message["blocks"])

    def searches(self, row: str, typed: str) -> list[str]:
        """Type into the search of the row with these words; what it offers."""
        return list(self._suggested(row, typed))

    def picks_found(self, row: str, typed: str, option: str) -> None:
        """Type into the search of the row with these words, and choose from what it offers."""
        offered = self._suggested(row, typed)
        assert option in offered, f"a search for “{typed}” offers {list(offered)}, not “{option}”"
        where, block, element = self._search(row)
        answer = {"selected_option": offered[option]}
        if block["type"] == "input" and not block.get("dispatch_action"):
            self._filled.setdefault(block["block_id"], {})[element["action_id"]] = answer
            return
        self._acts(where, block, element, answer)

    def _search(self, row: str) -> tuple[Json, Json, Json]:
        return self._until(lambda: self._find("external_select", "", row), f"a search beside “{row}”")

    def _suggested(self, row: str, typed: str) -> dict[str, Json]:
        where, block, element = self._search(row)
        place = {"channel": self.channel, "message_ts": where["ts"]} if "ts" in where else {"view_id": where["id"]}
        ids = {"block_id": block["block_id"], "action_id": element["action_id"]}
        return _options(self.does("options", **place, **ids, value=typed))

    def picks(self, row: str, option: str) -> None:
        """Choose from the menu beside the row with these words."""

        def menu() -> tuple[Json, Json, Json] | None:
            return self._find("overflow", "", row) or self._find("static_select", "", row)

        where, block, element = self._until(menu, f"a menu beside “{row}”")
        chosen = next((one for one in element["options"] if one["text"]["text"].startswith(option)), None)
        assert chosen, f"the menu beside “{row}” offers no “{option}”"
        self._acts(where, block, element, {"selected_option": chosen})

    def selects(self, menu: str, option: str) -> None:
        """Choose from the newest menu with this placeholder, outside of a form; a person by their name."""
        where, block, element = self._until(lambda: self._menu(menu), f"a menu “{menu}”")
        if element["type"] == "users_select":
            user = next(one for one, name in self._names.items() if name == option)
            self._acts(where, block, element, {"selected_user": user})
            return
        offered = _options(element)
        assert option in offered, f"the menu “{menu}” offers {list(offered)}, not “{option}”"
        self._acts(where, block, element, {"selected_option": offered[option]})

    def _menu(self, menu: str) -> tuple[Json, Json, Json] | None:
        for where, _ in reversed(list(self._shown())):
            for block in where.get("blocks") or []:
                for element in elements(block):
                    if element.get("placeholder", {}).get("text") == menu:
                        return where, block, element
        return None

    def closes(self, *, everything: bool = True) -> None:
        """Close the windows, or only the top one."""
        if self.windows:
            self.does("close", view_id=self.windows[-1]["id"], **({"all": True} if everything else {}))
        self._filled = {}

    # --- Seeing ----------------------------------------------------------------------------------------------------

    @property
    def seen(self) -> str:
        """All the words in front of her at this moment."""
        return "\n".join(said for _, said in self._shown())

    def sees(self, *wanted: str, without: str = "") -> str:
        """Wait until all these words are in front of her, and those of ``without`` are gone; what she sees then."""

        def as_wanted() -> str | None:
            seen = self.seen
            return seen if all(each in seen for each in wanted) and not (without and without in seen) else None

        unwanted = f" without {without}" if without else ""
        return self._until(as_wanted, f"to see {' and '.join(wanted)}{unwanted}")

    def waits(self, until: Callable[[], bool], wanted: str) -> None:
        """Wait until something is so; ``wanted`` says what, should it never be."""
        self._until(lambda: until() or None, wanted)

    def sees_no_more(self, words: str) -> None:
        """Wait until these words are no longer in front of her."""
        self._until(lambda: words not in self.seen, f"“{words}” to be gone")

    def sees_error(self, label: str) -> str:
        """What stood under the input with this label after the last ``submits``."""
        assert label in self._errors, f"nothing under “{label}”; under others: {self._errors}\n{self.seen}"
        return self._errors[label]

    def sees_no_window(self) -> None:
        """Wait until every window is closed."""
        self._until(lambda: not self.windows, "no window")

    def field(self, label: str) -> str:
        """What the input with this label holds."""
        block = self._input(label)
        state = self._form()["state"]["values"][block["block_id"]][block["element"]["action_id"]]
        state = self._filled.get(block["block_id"], {}).get(block["element"]["action_id"], state)
        named = [*state.get("selected_users", []), *state.get("selected_conversations", [])]
        named += filter(None, [state.get("selected_conversation")])
        picked = state.get("selected_time") or state.get("selected_date")
        if named:
            return ", ".join(self._names[each] for each in named)
        chosen = [*filter(None, [state.get("selected_option")]), *state.get("selected_options", [])]
        return ", ".join(option["text"]["text"] for option in chosen) or str(state.get("value") or picked or "")

    @property
    def labels(self) -> list[str]:
        """The labels of the form's inputs."""
        return [block["label"]["text"] for block in self._form()["blocks"] if block["type"] == "input"]

    def options(self, label: str) -> list[str]:
        """What the menu with this label offers."""
        return list(_options(self._input(label)["element"]))

    @property
    def windows(self) -> list[Json]:
        """The open windows, the top one last."""
        return list(self.asks("views")["stack"])

    def reads(self) -> list[str]:
        """The messages of the channel, each as its words."""
        return [self._said(message) for message in self.messages()]

    def reads_thread(self, of: str, until: str = "") -> list[str]:
        """The answers in the thread of the newest message with the words ``of``, when ``until`` stands in one."""
        ts = self._message(of)["ts"]

        def answers() -> list[str] | None:
            said = [self._said(message) for message in self.messages(ts)[1:]]
            return said if said and any(until in each for each in said) else None

        return self._until(answers, f"“{until}” in the thread of “{of}”; there is {self.messages(ts)[1:]}")

    def messages(self, thread_ts: str | None = None) -> list[Json]:
        """The messages as Slack keeps them: of the channel, or of a thread with its parent."""
        thread = {"thread_ts": thread_ts} if thread_ts else {}
        return list(self.asks("messages", channel=self.channel, **thread)["messages"])

    def downloads(self, name: str) -> str:
        """The content of the file with this name that the channel's messages or threads share."""
        shared = [file for message in self._everything() for file in message.get("files", [])]
        file = next((file for file in shared if file["name"] == name), None)
        assert file, f"there is no file {name}, only {[file['name'] for file in shared]}"
        with urllib.request.urlopen(f"{self._url}/local/files/{file['id']}", timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())

    def picture(self) -> tuple[str, bytes]:
        """The picture in the window: the words that stand for it, and its file."""

        def shown() -> Json | None:
            blocks = [block for view in self.windows[-1:] for block in view["blocks"]]
            return next((block for block in blocks if block["type"] == "image"), None)

        block = self._until(shown, "a picture")
        address = f"{self._url}/local/files/{block['slack_file']['id']}"
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
            return block["alt_text"], answer.read()

    # --- Over HTTP -------------------------------------------------------------------------------------------------

    def asks(self, what: str, **query: Any) -> Json:
        """GET from the workspace, as this person."""
        return self._json(f"{self._url}/local/{what}?{urlencode({'user': self.id, **query})}")

    def does(self, what: str, **facts: Any) -> Json:
        """POST to the workspace, as this person; fails with the sentence the workspace shows."""
        answer = self._post(what, **facts)
        assert answer["ok"], f"Slack says: {answer['error']}"
        return answer

    def _post(self, what: str, **facts: Any) -> Json:
        body = json.dumps({"user": self.id, **facts}).encode()
        return self._json(
            urllib.request.Request(f"{self._url}/local/{what}", body, {"Content-Type": "application/json"})
        )

    def _json(self, request: str | urllib.request.Request) -> Json:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))

    # --- What is in front of her -----------------------------------------------------------------------------------

    def _shown(self) -> Iterator[tuple[Json, str]]:
        """Each window or message in front of her with its words."""
        if windows := self.windows:
            yield windows[-1], view_words(windows[-1], self._names)
        elif self._home:
            home = self.asks("home")["view"]
            yield from [(home, view_words(home, self._names))] if home else []
        else:
            yield from ((message, self._said(message)) for message in self.messages(self._thread))

    def _shown_with(self, wanted: str) -> Json | None:
        return next((where for where, said in reversed(list(self._shown())) if wanted in said and "ts" in where), None)

    def _shortcut(self, kind: str, name: str) -> str:
        """The id of a shortcut by the name in its menu."""
        offered = {one["name"]: one["callback_id"] for one in self.asks("state")["shortcuts"] if one["type"] == kind}
        assert name in offered, f"there is no shortcut “{name}”, only {list(offered)}"
        return str(offered[name])

    def _uploaded(self, name: str, content: str | bytes) -> str:
        """The id of a new file of hers."""
        address = f"{self._url}/local/files?{urlencode({'user': self.id, 'name': name})}"
        body = content.encode() if isinstance(content, str) else content
        answer = self._json(urllib.request.Request(address, body, {"Content-Type": "application/octet-stream"}))
        assert answer["ok"], f"Slack says: {answer['error']}"
        return str(answer["id"])

    def _find(self, kind: str, text: str, beside: str) -> tuple[Json, Json, Json] | None:
        """The newest element of this kind in front of her: what it is in, its block and itself."""
        for where, said in reversed(list(self._shown())):
            previews = [block for one in where.get("attachments", []) for block in one.get("blocks", [])]
            for block in [*(where.get("blocks") or []), *previews]:
                for element in elements(block):
                    if element["type"] != kind or (text and element["text"]["text"] != text):
                        continue
                    label = element.get("accessibility_label", "")
                    if beside in words([block], self._names) + label or ("ts" in where and beside in said):
                        return where, block, element
        return None

    def _acts(self, where: Json, block: Json, element: Json, action: Json, **more: Any) -> None:
        place = {"channel": self.channel, "message_ts": where["ts"]} if "ts" in where else {"view_id": where["id"]}
        values = {} if "ts" in where or not self._filled else {"values": self._filled}
        ids = {"block_id": block["block_id"], "action_id": element["action_id"]}
        self.does("action", **place, **ids, **values, **more, action=action)
        self._filled = {}

    def _form(self) -> Json:
        """The window on top, once it is one that can be submitted."""
        return self._until(lambda: next((top for top in self.windows[-1:] if top["submit"]), None), "a form")

    def _input(self, label: str) -> Json:
        def found() -> Json | None:
            blocks = [block for view in self.windows[-1:] for block in view["blocks"] if block["type"] == "input"]
            return next((block for block in blocks if block["label"]["text"] == label), None)

        return self._until(found, f"an input “{label}”")

    def _message(self, of: str) -> Json:
        def found() -> Json | None:
            return next((one for one in reversed(self.messages()) if of in self._said(one)), None)

        return self._until(found, f"a message with “{of}”")

    def _everything(self) -> Iterator[Json]:
        for message in self.messages():
            yield message
            yield from self.messages(message["ts"])[1:] if message.get("reply_count") else []

    def _said(self, message: Json) -> str:
        return message_words(message, self._names)

    def _until(self, look: Callable[[], T | None], wanted: str) -> T:
        """What ``look`` finds, looked for again whenever anything changes in the workspace."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            since = self.asks("state")["seq"]
            if found := look():
                return found
            left = end - time.monotonic()
            assert left > 0, f"{self.name} waited for {wanted}, but sees:\n{self.seen}"
            self.asks("wait", since=since, timeout=min(left, 5))


def _options(element: Json) -> dict[str, Json]:
    groups = [group["options"] for group in element.get("option_groups", [])]
    listed = [*element.get("options", []), *(option for group in groups for option in group)]
    return {option["text"]["text"]: option for option in listed}
