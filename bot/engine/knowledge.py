"""What agents can look up: texts that people gave them, found by likeness, with no model for embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.engine.likeness import likest, passages

if TYPE_CHECKING:
    from crewai.knowledge.knowledge import Knowledge


def knowledge_of(text: str) -> Knowledge | None:
    """CrewAI's knowledge made of this text; ``None`` where there is none. Nothing is written anywhere."""
    if not text.strip():
        return None
    from crewai.knowledge.knowledge import Knowledge
    from crewai.knowledge.storage.base_knowledge_storage import BaseKnowledgeStorage
    from crewai.rag.types import SearchResult

    found = passages(text)

    class Passages(BaseKnowledgeStorage):
        """The passages of one text; CrewAI's least score is meant for embeddings, so it is not heeded."""

        def search(
            self,
            query: list[str],
            limit: int = 5,
            metadata_filter: dict[str, Any] | None = None,
            score_threshold: float = 0.6,
        ) -> list[SearchResult]:
            best = likest(" ".join(query), found, limit)
            return [SearchResult(id=str(at), content=found[at], metadata={}, score=score) for at, score in best]

        async def asearch(
            self,
            query: list[str],
            limit: int = 5,
            metadata_filter: dict[str, Any] | None = None,
            score_threshold: float = 0.6,
        ) -> list[SearchResult]:
            return self.search(query, limit)

        def save(self, documents: list[str]) -> None:
            """There is nothing to add."""

        async def asave(self, documents: list[str]) -> None:
            """There is nothing to add."""

        def reset(self) -> None:
            """There is nothing to forget."""

        async def areset(self) -> None:
            """There is nothing to forget."""

    return Knowledge(collection_name="given", sources=[], storage=Passages())
