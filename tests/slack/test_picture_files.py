"""Pictures as Slack's files: given once, waited for, given again when they are gone, and never only a failure."""

from __future__ import annotations

import logging

import pytest
from slack_sdk import WebClient

from bot.local_slack import LocalSlack
from bot.slack.blocks import Json, home
from bot.slack.picture_files import PictureFiles

TEAM = "T0NORTHWIND"


class Wall:
    """Where a picture is to be shown; nobody has to press anything for it: Ana's home tab."""

    def __init__(self, workspace: LocalSlack) -> None:
        self._client = WebClient(workspace.bot_token, base_url=workspace.api_url)
        self._window = {"external_id": "wall"}
        self._client.views_publish(user_id="U0ANA000001", view=self._page({"type": "divider"}))
        self.shown: Json = {}

    def shows(self, files: PictureFiles, png: bytes | None = b"a picture", *, team: str = TEAM) -> Json:
        """The block that stands there in the end."""
        files.show(self._client, self._window, self._page, png, alt="Bees make honey.", name="Bees", team=team)
        return self.shown

    def closes(self) -> None:
        self._window = {"external_id": "nowhere"}

    def _page(self, block: Json) -> Json:
        self.shown = block
        return home([block]) | self._window


@pytest.fixture
def wall(workspace: LocalSlack) -> Wall:
    return Wall(workspace)


def uploads(workspace: LocalSlack) -> list[str]:
    """The workspaces' files, one id for each upload."""
    return [call["response"]["files"][0]["id"] for call in workspace.calls("files.completeUploadExternal")]


def test_a_picture_is_shown_when_slack_has_looked_at_it(workspace: LocalSlack, wall: Wall) -> None:
    block = wall.shows(PictureFiles())

    assert block == {"type": "image", "slack_file": {"id": uploads(workspace)[0]}, "alt_text": "Bees make honey."}
    looks = [call["response"]["file"]["mimetype"] for call in workspace.calls("files.info")]
    assert looks == ["", "image/png"], "asked again until there was an answer"
    assert workspace.calls("views.update")[-1]["response"]["ok"]


def test_the_same_picture_is_given_to_a_workspace_once(workspace: LocalSlack, wall: Wall) -> None:
    files = PictureFiles()

    first, again = wall.shows(files), wall.shows(files)
    other = wall.shows(files, b"another picture")
    elsewhere = wall.shows(files, team="T0ELSEWHERE")

    assert first == again
    ids = [block["slack_file"]["id"] for block in (first, other, elsewhere)]
    assert ids == uploads(workspace)


def test_a_picture_that_slack_has_no_more_is_given_again(workspace: LocalSlack, wall: Wall) -> None:
    files = PictureFiles()
    wall.shows(files)
    workspace.misbehave({"methods": {"files.info": {"error": "file_deleted", "times": 1}}})

    block = wall.shows(files)

    first, second = uploads(workspace)
    assert block["slack_file"]["id"] == second != first


def test_a_picture_that_slack_looks_at_for_long_comes_the_next_time(workspace: LocalSlack, wall: Wall) -> None:
    files = PictureFiles(pauses=())

    assert wall.shows(files)["text"]["text"].startswith("Slack is still looking at the picture; try again in a moment.")
    assert wall.shows(files)["type"] == "image"
    assert len(uploads(workspace)) == 1


@pytest.mark.parametrize("error", ["missing_scope", "file_uploads_disabled"])
@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal", "files.info"])
def test_what_slack_refuses_is_said(workspace: LocalSlack, wall: Wall, method: str, error: str) -> None:
    workspace.misbehave({"methods": {method: {"error": error}}})

    said = wall.shows(PictureFiles())["text"]["text"]
    assert said == f"Slack did not take the picture ({error}). Here it is in words."


@pytest.mark.parametrize("fault", [{"upload": {"status": 500}}, {"files.info": {"then_drop": True}}])
def test_a_broken_connection_leaves_the_words(workspace: LocalSlack, wall: Wall, fault: Json) -> None:
    workspace.misbehave({"methods": fault})

    assert wall.shows(PictureFiles())["text"]["text"].startswith("Slack did not take the picture")


def test_a_refused_block_leaves_the_words(workspace: LocalSlack, wall: Wall) -> None:
    workspace.misbehave({"refuse_blocks": ["image"]})

    assert wall.shows(PictureFiles())["text"]["text"].startswith("Slack did not take the picture (invalid_arguments).")


def test_a_picture_that_could_not_be_drawn_leaves_the_words(workspace: LocalSlack, wall: Wall) -> None:
    assert wall.shows(PictureFiles(), None)["text"]["text"] == "The picture could not be drawn. Here it is in words."
    assert not uploads(workspace)


def test_a_window_that_was_closed_meanwhile_is_no_trouble(wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    wall.closes()

    with caplog.at_level(logging.INFO, "bot.slack.picture_files"):
        wall.shows(PictureFiles())
    assert [record.levelname for record in caplog.records if record.name.startswith("bot.")] == ["INFO"]
