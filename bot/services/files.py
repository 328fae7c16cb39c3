"""Files given to runs: kept beside the database as long as they are needed, under names of our own."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.documents import Document
from store import run_files, runs
from store.database import Store
from store.run_files import RunFile, RunFileDraft

if TYPE_CHECKING:
    from store.database import Session

_log = logging.getLogger(__name__)

# A run can be run again with its files for so long after its end.
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class FileShelf:
    """The directory with the files of runs: ``run-files/RUN/NUMBER``."""

    data_dir: Path

    def keep(self, session: Session, run_id: int, documents: Sequence[Document]) -> list[RunFile]:
        """Give a run its files, in the transaction that makes the run."""
        if not documents:
            return []
        names = _told_apart([document.name for document in documents])
        drafts = [
            RunFileDraft(name=name, kind=one.kind, size=len(one.content), text=one.text, cut=one.cut)
            for name, one in zip(names, documents, strict=True)
        ]
        kept = run_files.add(session, run_id, drafts)
        folder = self._folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        for file, document in zip(kept, documents, strict=True):
            (folder / str(file.number)).write_bytes(document.content)
        return kept

    def path(self, file: RunFile) -> Path:
        """Where the file itself is, as long as it is kept."""
        return self._folder(file.execution_id) / str(file.number)

    def documents(self, files: Sequence[RunFile]) -> list[Document]:
        """The files once more, for another run; those that are kept no longer are left out."""
        return [
            Document(file.name, file.kind, path.read_bytes(), file.text, file.cut)
            for file in files
            if (path := self.path(file)).exists()
        ]

    def lay_out(self, files: Sequence[RunFile], run_dir: Path) -> None:
        """Put the files into the directory of the run under their names, for tools that read files there."""
        run_dir.mkdir(parents=True, exist_ok=True)
        for file in files:
            if self.path(file).exists():
                shutil.copyfile(self.path(file), run_dir / file.name)

    def sweep(self, store: Store, *, now: datetime | None = None) -> int:
        """Delete the files of runs that ended long ago or are no more; how many runs lost theirs."""
        folders = [each for each in self._root.glob("*") if each.name.isdecimal()]
        with store.reading() as session:
            needed = runs.not_over_since(
                session, (now or datetime.now(UTC)) - KEPT, [int(each.name) for each in folders]
            )
        gone = [each for each in folders if int(each.name) not in needed]
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)
        if gone:
            _log.info("deleted the files of %s runs that ended long ago", len(gone))
        return len(gone)

    @property
    def _root(self) -> Path:
        return self.data_dir.resolve() / "run-files"

    def _folder(self, run_id: int) -> Path:
        return self._root / str(run_id)


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names, each once: a second “notes.txt” becomes “notes (2).txt”."""
    taken: set[str] = set()
    found = []
    for name in names:
        stem, dot, ending = name.rpartition(".")
        candidates = (name, *(f"{stem or ending} ({n}){dot}{ending if dot else ''}" for n in range(2, len(names) + 2)))
        free = next(each for each in candidates if each.casefold() not in taken)
        taken.add(free.casefold())
        found.append(free)
    return found
