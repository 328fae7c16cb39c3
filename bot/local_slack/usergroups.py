"""usergroups.*: the workspace's user groups and who is in them."""

from __future__ import annotations

from bot.local_slack.slack import Slack
from bot.local_slack.web_api import Arguments, Method
from bot.local_slack.wire import Json, Refusal
from bot.local_slack.workspace import TEAM, Group


def list_groups(slack: Slack, args: Arguments) -> Json:
    """https://docs.slack.dev/reference/methods/usergroups.list; members only where they are asked for."""
    _refuse_another_team(args)
    groups = slack.workspace.groups.values()
    return {"usergroups": [_group(group, with_users=args.flag("include_users")) for group in groups]}


def list_users(slack: Slack, args: Arguments) -> Json:
    """https://docs.slack.dev/reference/methods/usergroups.users.list"""
    _refuse_another_team(args)
    group = slack.workspace.groups.get(args.need("usergroup"))
    if group is None:
        raise Refusal("no_such_subteam")
    return {"users": list(group.members)}


def _refuse_another_team(args: Arguments) -> None:
    if args.text("team_id") not in (None, TEAM["id"]):
        raise Refusal("team_not_found")


def _group(group: Group, *, with_users: bool) -> Json:
    return {
        "id": group.id,
        "team_id": TEAM["id"],
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_delete": 0,
        "auto_type": None,
        "user_count": len(group.members),
        **({"users": list(group.members)} if with_users else {}),
    }


METHODS = {
    "usergroups.list": Method(list_groups, 2, "usergroups:read"),
    "usergroups.users.list": Method(list_users, 2, "usergroups:read"),
}
