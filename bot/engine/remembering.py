"""CrewAI's memory over facts that are kept in our database, found by likeness, with no model for embeddings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from bot.engine.likeness import DIMENSIONS, embed
from store.memories import Fact

if TYPE_CHECKING:
    from crewai.memory.types import MemoryRecord, ScopeInfo
    from crewai.memory.unified_memory import Memory


class Facts(Protocol):
    """The facts that one crew remembers, wherever they are kept."""

    def all(self) -> list[Fact]: ...

    def keep(self, facts: Sequence[Fact]) -> None: ...

    def forget(self, ids: Collection[str]) -> None: ...


def memory_of(facts: Facts, llm: Any) -> Memory:
    """CrewAI's memory, which asks ``llm`` what is worth remembering; only these facts are in it."""
    from crewai.memory.unified_memory import Memory

    return Memory(llm=llm, embedder=embed, storage=_Storage(facts), root_scope="/crew")


class _Storage:
    """CrewAI's ``StorageBackend``; a crew has at most a thousand facts, so all of them are looked at."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def save(self, records: list[MemoryRecord]) -> None:
        self._facts.keep([_fact(record) for record in records])

    def update(self, record: MemoryRecord) -> None:
        self._facts.keep([_fact(record)])

    def touch_records(self, record_ids: list[str]) -> None:
        now = datetime.now(UTC)
        touched = [fact for fact in self._facts.all() if fact.id in record_ids]
        self._facts.keep([fact.model_copy(update={"recalled_at": now}) for fact in touched])

    def search(
        self,
        query_embedding: list[float],
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
        limit: int = 10,
        min_score: float = 0.0,
    ) -> list[tuple[MemoryRecord, float]]:
        import numpy as np

        found = self._matching(scope_prefix, categories, metadata_filter)
        if not found or len(query_embedding) != DIMENSIONS:
            return []
        scores = np.array(embed([fact.content for fact in found])) @ np.array(query_embedding)
        best = sorted(zip(found, scores.tolist(), strict=True), key=lambda each: -each[1])
        return [(_record(fact), score) for fact, score in best[:limit] if score >= min_score]

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        gone = [
            fact.id
            for fact in self._matching(scope_prefix, categories, metadata_filter)
            if (record_ids is None or fact.id in record_ids)
            and (older_than is None or fact.created_at < _utc(older_than))
        ]
        self._facts.forget(gone)
        return len(gone)

    def get_record(self, record_id: str) -> MemoryRecord | None:
        return next((_record(fact) for fact in self._facts.all() if fact.id == record_id), None)

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        return [_record(fact) for fact in self._matching(scope_prefix)[offset : offset + limit]]

    def get_scope_info(self, scope: str) -> ScopeInfo:
        from crewai.memory.types import ScopeInfo

        found = self._matching(scope)
        return ScopeInfo(
            path=scope,
            record_count=len(found),
            categories=sorted({name for fact in found for name in fact.categories}),
            oldest_record=min((fact.created_at for fact in found), default=None),
            newest_record=max((fact.created_at for fact in found), default=None),
            child_scopes=self.list_scopes(scope),
        )

    def list_scopes(self, parent: str = "/") -> list[str]:
        start = parent.rstrip("/") + "/"
        below = {
            fact.scope.removeprefix(start).split("/")[0] for fact in self._matching(parent) if fact.scope != parent
        }
        return sorted(f"{start}{name}" for name in below if name)

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        return dict(Counter(name for fact in self._matching(scope_prefix) for name in fact.categories))

    def count(self, scope_prefix: str | None = None) -> int:
        return len(self._matching(scope_prefix))

    def reset(self, scope_prefix: str | None = None) -> None:
        self._facts.forget([fact.id for fact in self._matching(scope_prefix)])

    async def asave(self, records: list[MemoryRecord]) -> None:
        self.save(records)

    async def asearch(self, query_embedding: list[float], **asked: Any) -> list[tuple[MemoryRecord, float]]:
        return self.search(query_embedding, **asked)

    async def adelete(self, **asked: Any) -> int:
        return self.delete(**asked)

    def _matching(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> list[Fact]:
        scope = (scope_prefix or "").rstrip("/")
        return [
            fact
            for fact in self._facts.all()
            if (not scope or fact.scope == scope or fact.scope.startswith(f"{scope}/"))
            and (not categories or set(categories) & set(fact.categories))
            and all(fact.attributes.get(key) == value for key, value in (metadata_filter or {}).items())
        ]


def _fact(record: MemoryRecord) -> Fact:
    return Fact(
        id=record.id,
        content=record.content,
        scope=record.scope,
        categories=record.categories,
        attributes=record.metadata,
        importance=record.importance,
        created_at=_utc(record.created_at),
        recalled_at=_utc(record.last_accessed),
    )


def _record(fact: Fact) -> MemoryRecord:
    from crewai.memory.types import MemoryRecord

    # CrewAI reckons with times that have no zone and are UTC.
    return MemoryRecord(
        id=fact.id,
        content=fact.content,
        scope=fact.scope,
        categories=fact.categories,
        metadata=fact.attributes,
        importance=fact.importance,
        created_at=fact.created_at.replace(tzinfo=None),
        last_accessed=fact.recalled_at.replace(tzinfo=None),
        embedding=embed([fact.content])[0],
    )


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
