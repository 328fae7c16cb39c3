"""Web tools: no address they are given may lead into a private network, or to a file."""

from __future__ import annotations

import ipaddress
from functools import cache
from typing import TYPE_CHECKING, Any

from bot.errors import UserError

if TYPE_CHECKING:
    from crewai.tools import BaseTool

# The settings and arguments of tools that hold an address.
ADDRESSES = frozenset(
    {"crew_api_url", "docs_url", "image_path_url", "url", "urls", "weaviate_cluster_url", "website", "website_url"}
)


class NotPublic(UserError):
    """“{address}” is not a public web address. Use one that begins with https:// and is not on a private network."""


class NoSuchHost(UserError):
    """There is no server called “{host}”. Check the address for a typing mistake."""


def check(address: str) -> None:
    """Raise ``NotPublic`` or ``NoSuchHost`` unless the address is http(s) and its host public."""
    from crewai_tools.security.safe_path import validate_url

    try:
        validate_url(address)
    except ValueError as error:
        if str(error).startswith("Could not resolve"):
            raise NoSuchHost(host=address) from None
        raise NotPublic(address=address) from None


def is_private(ip: str) -> bool:
    """Whether an IP address belongs to this computer, a private network or a cloud's own services."""
    from crewai_tools.security.safe_path import is_blocked_ip

    return is_blocked_ip(str(ipaddress.ip_address(ip)))


def guarded(tool: BaseTool) -> BaseTool:
    """The same tool, which looks at every address it is asked for before it goes there."""
    if not ADDRESSES & tool.args_schema.model_fields.keys():
        return tool
    facts = {name: getattr(tool, name) for name in ("name", "description", "args_schema", "result_as_answer")}
    checked: BaseTool = _guard()(inner=tool, **facts)
    return checked


@cache
def _guard() -> Any:
    from crewai.tools import BaseTool

    class Guarded(BaseTool):
        inner: Any

        def _run(self, **asked: Any) -> Any:
            for name in ADDRESSES & asked.keys():
                given = asked[name]
                for address in given if isinstance(given, list) else [given]:
                    if address is not None:
                        check(str(address))
            return self.inner._run(**asked)

    return Guarded
