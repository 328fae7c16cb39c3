"""CrewAI's surroundings: what it finds in the environment, and what happens when it cannot be imported."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.engine.hardening import harden
from bot.engine.llms import Models
from bot.engine.warmup import Warmup
from tests.engine.crews import Run, one_task

ROOT = Path(__file__).parents[2]

# Stands in for a CrewAI whose installation is damaged.
BROKEN = "raise ImportError('chromadb is too old\\nand more')"


def python(script: str, *args: str | Path, path: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, args)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{path}:{ROOT}", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def broken_crewai(tmp_path: Path) -> Path:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "crewai.py").write_text(BROKEN)
    return tmp_path / "broken"


SHOW = """
import json, os, sys
from pathlib import Path
from bot.engine.hardening import harden
harden(Path(sys.argv[1]))
harden(Path(sys.argv[1]))
print(json.dumps(dict(os.environ)))
"""


def test_crewai_is_kept_from_calling_home_and_from_opening_doors(tmp_path: Path) -> None:
    done = python(SHOW, tmp_path, HOME=str(tmp_path), REDIS_URL="redis://x", CREWAI_ALLOW_FLOW_SCRIPT_EXECUTION="1")

    environ = json.loads(done.stdout)
    assert environ["CREWAI_DISABLE_TELEMETRY"] == environ["PYTHON_DOTENV_DISABLED"] == "true"
    assert environ["CREWAI_TRACING_ENABLED"] == "false"
    assert environ["CREWAI_STORAGE_DIR"] == str(tmp_path / "crewai")
    assert (tmp_path / "crewai").is_dir()
    assert not Path(environ["CREWAI_TRAINED_AGENTS_FILE"]).exists()
    assert not {"REDIS_URL", "CREWAI_ALLOW_FLOW_SCRIPT_EXECUTION"} & set(environ)
    assert environ["HOME"] == str(tmp_path)


def test_a_home_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    environ = json.loads(python(SHOW, tmp_path, HOME="/proc/nobody").stdout)

    assert environ["HOME"] == str(tmp_path / "crewai")


def test_hardening_comes_before_the_import(tmp_path: Path, broken_crewai: Path) -> None:
    (broken_crewai / "crewai.py").write_text("")

    done = python(f"import crewai{SHOW}", tmp_path, path=broken_crewai, HOME=str(tmp_path))

    assert "RuntimeError: crewai was imported before harden()" in done.stderr


def test_the_import_comes_after_hardening() -> None:
    done = python("from bot.engine.hardening import tame; tame()")

    assert "RuntimeError: harden() comes before the first import of crewai" in done.stderr


def test_a_failed_import_is_told_to_whoever_wants_to_run(tmp_path: Path, broken_crewai: Path) -> None:
    script = (
        "import gc, sys; from pathlib import Path; from bot.engine.hardening import harden\n"
        "from bot.engine.warmup import *; harden(Path(sys.argv[1]))\n"
        "usual = sys.getswitchinterval(); warmup = Warmup(); warmup.start()\n"
        "try: warmup.wait()\n"
        "except EngineUnavailable as error: print(error.sentence)\n"
        "print(sys.getswitchinterval() == usual, gc.isenabled())"
    )

    done = python(script, tmp_path, path=broken_crewai, HOME=str(tmp_path))

    assert done.stdout.strip() == (
        "CrewAI could not be loaded, so nothing can run: chromadb is too old. "
        "Install requirements.txt again and restart the bot.\nTrue True"
    )


def test_a_second_warm_up_has_nothing_left_to_do(engine: Path) -> None:
    harden(engine)
    warmup = Warmup()
    warmup.start()
    warmup.wait()

    # What was imported is never looked through again, while what runs leave behind still is.
    assert gc.get_freeze_count() > 100_000
    assert gc.isenabled()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")
def test_a_run_leaves_signals_alone_and_keeps_no_outputs_on_the_disk(engine: Path, models: Models) -> None:
    Run(one_task(), models).result()

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert [path for path in engine.rglob("*") if path.is_file()] == []
