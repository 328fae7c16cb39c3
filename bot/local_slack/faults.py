"""How the workspace misbehaves when it is told to."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.local_slack.wire import Json, Refusal

KEYS = {"methods", "refuse_blocks", "socket", "duplicate_deliveries", "slow_ms"}
METHOD_KEYS = {"status", "retry_after", "times", "after", "then_drop", "error"}
SOCKET_WORDS = {"drop", "refresh", "silence", "refuse"}


@dataclass
class MethodFault:
    """What one Web API method does wrong: after ``after`` good calls, ``times`` times or until healed.

    ``then_drop`` carries the call out and closes the connection unanswered; ``error`` answers ``ok: false``;
    otherwise the answer is HTTP ``status``, a 429 with ``retry_after`` seconds.
    """

    status: int = 500
    retry_after: int = 1
    times: int | None = None
    after: int = 0
    then_drop: bool = False
    error: str | None = None

    def strikes(self) -> bool:
        """Whether this call goes wrong; counts it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


@dataclass
class Faults:
    """All that is wrong at the moment."""

    methods: dict[str, MethodFault] = field(default_factory=dict)
    refuse_blocks: frozenset[str] = frozenset()
    refuse_sockets: bool = False
    duplicate_deliveries: bool = False
    slow_ms: int = 0

    @classmethod
    def read(cls, spec: Json) -> Faults:
        """Take the JSON of ``POST /local/faults``; raise ``Refusal`` for a word it does not know."""
        if unknown := spec.keys() - KEYS | set(socket_words(spec)) - SOCKET_WORDS:
            raise Refusal(f"unknown fault: {', '.join(sorted(unknown))}")
        for fault in spec.get("methods", {}).values():
            if unknown := fault.keys() - METHOD_KEYS:
                raise Refusal(f"unknown fault of a method: {', '.join(sorted(unknown))}")
        return cls(
            methods={method: MethodFault(**fault) for method, fault in spec.get("methods", {}).items()},
            refuse_blocks=frozenset(spec.get("refuse_blocks", [])),
            refuse_sockets="refuse" in socket_words(spec),
            duplicate_deliveries=bool(spec.get("duplicate_deliveries")),
            slow_ms=int(spec.get("slow_ms", 0)),
        )

    def of(self, method: str) -> MethodFault | None:
        """The fault that strikes this call of ``method`` now, if any; counts it."""
        fault = self.methods.get(method) or self.methods.get("*")
        return fault if fault and fault.strikes() else None


def socket_words(spec: Json) -> list[str]:
    """What is to happen to the sockets: one word or a list of them."""
    words = spec.get("socket", [])
    return [words] if isinstance(words, str) else list(words)
