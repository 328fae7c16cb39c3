"""``/crew schedule`` and ``/crew schedules``: crews that run by themselves, their form and their list."""

from __future__ import annotations

import re
from collections.abc import Callable

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.runs import Runs
from bot.services.schedules import Schedules
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.people import direct_channel
from bot.slack.text import escape, named_place
from handlers import schedule_form
from handlers.crew_page import crew_page
from handlers.finding import find
from handlers.injection import Reply
from handlers.schedule_list import list_page, removal, saved
from store.schedules import Schedule, ScheduleDraft


def register(app: App, commands: Commands) -> None:
    """Answer the commands, forms and buttons about schedules."""
    commands.add(
        "schedule", ask_for_schedule, example="/crew schedule Market research", summary="Let a crew run by itself"
    )
    commands.add("schedules", list_schedules, summary="What runs by itself: pause, edit, run now, delete")
    app.action(re.compile(r"^schedule\.new"))(ask_from_button)
    app.action(re.compile(r"^schedule\.form\.(kind|news)$"))(switch_form)
    app.view(schedule_form.FORM)(save_schedule)
    app.action("schedule.change")(change_again)
    app.action("schedule.list")(list_of_crew)
    app.action("schedule.menu")(choose)
    app.action("schedule.mend")(mend)
    app.action("schedule.all")(pause_all)
    app.view("schedule.remove")(remove_schedule)


def ask_for_schedule(
    ack: Ack, words: Words, client: WebClient, crews: Crews, schedules: Schedules, actor: Actor, reply: Reply
) -> None:
    ack()
    crew_id = find(words, crews, actor, reply)
    if crew_id is not None:
        crew, names = schedules.asked(crew_id, by=actor)
        meta = {"place": words.channel}
        view = schedule_form.new_form(crew, names, schedules.zone(by=actor), words.inputs, meta)
        client.views_open(trigger_id=words.trigger_id, view=view)


def ask_from_button(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    schedules: Schedules,
    runs: Runs,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    crew_id, _, run_id = action["value"].partition(":")
    known = runs.get(int(run_id), by=actor).inputs if run_id else {}
    crew, names = schedules.asked(int(crew_id), by=actor)
    in_page = "view" in body and body["view"]["type"] == "modal"
    meta = {"place": place, "back": "crew" if in_page else ""}
    view = schedule_form.new_form(crew, names, schedules.zone(by=actor), known, meta)
    opening = client.views_push if in_page else client.views_open
    opening(trigger_id=body["trigger_id"], view=view)


def switch_form(ack: Ack, body: Json, action: Json, client: WebClient) -> None:
    ack()
    view = body["view"]
    client.views_update(view_id=view["id"], hash=view["hash"], view=schedule_form.switched(view, action))


def change_again(ack: Ack, body: Json, client: WebClient) -> None:
    ack()
    view = body["view"]
    client.views_update(view_id=view["id"], hash=view["hash"], view=schedule_form.changed_again(view))


def save_schedule(
    ack: Ack, view: Json, client: WebClient, crews: Crews, schedules: Schedules, actor: Actor, place: str | None
) -> None:
    if whole := schedule_form.behind(view):
        ack(response_action="update", view=whole)
        return
    meta, draft = meta_of(view), schedule_form.answered(view)
    if not schedule_form.was_shown(view, draft):
        with schedule_form.at_the_fields(view):
            preview = schedules.preview(meta["crew"], draft, by=actor)
        problems = crews.sheet(meta["crew"], by=actor).problems
        ack(response_action="update", view=schedule_form.preview_of(view, preview, problems))
        return
    draft = draft.model_copy(update={"channel": draft.channel or direct_channel(client, actor.user)})
    with schedule_form.at_the_fields(view):
        schedule = _stored(schedules, meta, draft, actor)
    _show_saved(ack, view, client, crews, schedules, actor, place, schedule)


def list_schedules(ack: Ack, words: Words, client: WebClient, schedules: Schedules, actor: Actor) -> None:
    ack()
    client.views_open(trigger_id=words.trigger_id, view=list_page(schedules.list_all(by=actor)))


def list_of_crew(ack: Ack, body: Json, action: Json, client: WebClient, schedules: Schedules, actor: Actor) -> None:
    ack()
    crew_id = int(action["value"])
    # In the place of the crew page: an edit and its preview go on top, and Slack takes three windows.
    page = list_page(schedules.list_all(by=actor, crew_id=crew_id), crew=crew_id)
    client.views_update(view_id=body["view"]["id"], view=page)


def choose(
    ack: Ack, body: Json, action: Json, client: WebClient, schedules: Schedules, actor: Actor, reply: Reply
) -> None:
    ack()
    what, _, number = action["selected_option"]["value"].partition(":")
    schedule_id = int(number)
    if what == "edit":
        back = "list of crew" if meta_of(body["view"]).get("crew") else "list"
        view = _edit_form(schedules, schedule_id, actor, {"back": back})
        client.views_push(trigger_id=body["trigger_id"], view=view)
    elif what == "delete":
        view = removal(schedules.get(schedule_id, by=actor), meta_of(body["view"]).get("crew"))
        client.views_push(trigger_id=body["trigger_id"], view=view)
    else:
        notice = _DONE[what](schedules, schedule_id, actor, reply)
        client.views_update(view_id=body["view"]["id"], view=_list_again(body["view"], schedules, actor, notice))


def mend(
    ack: Ack, body: Json, action: Json, client: WebClient, schedules: Schedules, actor: Actor, place: str | None
) -> None:
    ack()
    view = _edit_form(schedules, int(action["value"]), actor, {"back": "crew", "place": place})
    client.views_push(trigger_id=body["trigger_id"], view=view)


def pause_all(ack: Ack, body: Json, action: Json, client: WebClient, schedules: Schedules, actor: Actor) -> None:
    ack()
    paused = action["value"] == "pause"
    schedules.pause_all(paused, by=actor)
    notice = "All schedules are paused." if paused else "Schedules run again, each from its next time on."
    client.views_update(view_id=body["view"]["id"], view=_list_again(body["view"], schedules, actor, notice))


def remove_schedule(ack: Ack, view: Json, client: WebClient, schedules: Schedules, actor: Actor) -> None:
    was = schedules.delete(meta_of(view)["schedule"], by=actor)
    ack()
    page = _list_again(view, schedules, actor, f"The schedule of *{escape(was.crew_name)}* is deleted.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def _edit_form(schedules: Schedules, schedule_id: int, actor: Actor, meta: Json) -> Json:
    schedule = schedules.get(schedule_id, by=actor)
    _, names = schedules.asked(schedule.crew_id, by=actor)
    return schedule_form.edit_form(schedule, names, meta)


def _stored(schedules: Schedules, meta: Json, draft: ScheduleDraft, actor: Actor) -> Schedule:
    if "schedule" in meta:
        return schedules.change(meta["schedule"], draft, version=meta["version"], by=actor)
    return schedules.create(meta["crew"], draft, by=actor)


def _show_saved(
    ack: Ack,
    view: Json,
    client: WebClient,
    crews: Crews,
    schedules: Schedules,
    actor: Actor,
    place: str | None,
    schedule: Schedule,
) -> None:
    """On the page that the form was opened from, or else in the form's place."""
    back, notice = meta_of(view).get("back"), saved(schedule)
    if back == "crew":
        ack()
        page = crew_page(crews.sheet(schedule.crew_id, by=actor), place=place, notice=notice)
        client.views_update(view_id=view["previous_view_id"], view=page)
    elif back in ("list", "list of crew"):
        ack()
        crew_id = schedule.crew_id if back == "list of crew" else None
        page = list_page(schedules.list_all(by=actor, crew_id=crew_id), crew=crew_id, notice=notice)
        client.views_update(view_id=view["previous_view_id"], view=page)
    else:
        ack(response_action="update", view=list_page(schedules.list_all(by=actor), notice=notice))


def _run(schedules: Schedules, schedule_id: int, actor: Actor, reply: Reply) -> str:
    run = schedules.run_now(schedule_id, by=actor, tell=reply)
    return f"*{escape(run.crew_name)}* is on its way in {named_place(run.channel, 'its direct message')}."


def _pause(schedules: Schedules, schedule_id: int, actor: Actor, reply: Reply) -> str:
    return f"*{escape(schedules.pause(schedule_id, by=actor).crew_name)}* is paused."


def _resume(schedules: Schedules, schedule_id: int, actor: Actor, reply: Reply) -> str:
    return saved(schedules.resume(schedule_id, by=actor))


_DONE: dict[str, Callable[[Schedules, int, Actor, Reply], str]] = {"run": _run, "pause": _pause, "resume": _resume}


def _list_again(view: Json, schedules: Schedules, actor: Actor, notice: str) -> Json:
    crew_id = meta_of(view).get("crew")
    return list_page(schedules.list_all(by=actor, crew_id=crew_id), crew=crew_id, notice=notice)
