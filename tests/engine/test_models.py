"""Which models can be used, what is missing for the others, and what CrewAI is handed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.engine.llms import BY_NAME, PROVIDERS, Models, ModelUnusable

ROOT = Path(__file__).parents[2]
KEY = "sk-of-this-test"


def models(tmp_path: Path, default: str = "", **environ: str) -> Models:
    return Models(default, tmp_path, environ)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "No model is chosen. Set CREWCALL_DEFAULT_MODEL, for example to openai/gpt-4.1-mini."),
        ("gpt-4.1", "“gpt-4.1” is no model. Write provider/model, for example openai/gpt-4.1-mini."),
        ("openai/", "“openai/” is no model. Write provider/model, for example openai/gpt-4.1-mini."),
        ("openai/gpt-4.1", "Set OPENAI_API_KEY to use models of OpenAI."),
        ("deepseek/deepseek-chat", "Set DEEPSEEK_API_KEY to use models of DeepSeek."),
        ("snowflake/x", "Set SNOWFLAKE_PAT and SNOWFLAKE_ACCOUNT_URL to use models of Snowflake."),
        (
            "anthropic/claude-x",
            "Models of Anthropic need another package. Install it: pip install 'crewai[anthropic]'.",
        ),
        ("google/gemini-x", "Models of Google need another package. Install it: pip install 'crewai[google-genai]'."),
        ("groq/llama", "Models of Groq need another package. Install it: pip install 'crewai[litellm]'."),
        (
            "local/qwen2.5-coder-1.5b",
            (
                "The embedded model local/qwen2.5-coder-1.5b has not been fetched yet. "
                "Run crewcall fetch-model local/qwen2.5-coder-1.5b on the server."
            ),
        ),
    ],
)
def test_what_is_missing_is_said_with_its_mend(name: str, problem: str, tmp_path: Path) -> None:
    assert models(tmp_path).problem(name) == problem
    with pytest.raises(ModelUnusable) as refusal:
        models(tmp_path).llm(name)
    assert refusal.value.sentence == problem


def test_an_unknown_provider_or_embedded_model_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    unknown = models(tmp_path).problem("opnai/gpt-4.1") or ""
    assert unknown.startswith("There is no model provider called “opnai”. Use one of local, openai, anthropic, gemini,")

    embedded = models(tmp_path).problem("local/huge") or ""
    assert embedded.startswith("There is no embedded model called “local/huge”. Use one of local/qwen2.5-coder-1.5b,")


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("openai/gpt-4.1", {"OPENAI_API_KEY": KEY}),
        ("OpenAI/gpt-4.1", {"OPENAI_API_KEY": KEY}),
        ("openai/anything", {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}),
        ("ollama/llama3", {}),
        ("hosted_vllm/some/model", {}),
        ("openrouter/a/b", {"OPENROUTER_API_KEY": KEY}),
        ("snowflake/x", {"SNOWFLAKE_TOKEN": KEY, "SNOWFLAKE_ACCOUNT": "me"}),
    ],
)
def test_what_is_complete_has_no_problem(name: str, environ: dict[str, str], tmp_path: Path) -> None:
    assert models(tmp_path, **environ).problem(name) is None
    assert models(tmp_path, name, **environ).problem("") is None


def test_looking_for_problems_does_not_import_crewai(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from bot.engine.llms import *\n"
        "models = Models('openai/x', Path(sys.argv[1]))\n"
        "[models.problem(f'{name}/x') for name in (*BY_NAME, 'local', 'nobody')]\n"
        "assert 'crewai' not in sys.modules and 'openai' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=True, timeout=60)


def test_the_table_of_providers_is_crewais(engine: Path) -> None:
    from crewai.llm import PROVIDER_ALIASES, SUPPORTED_NATIVE_PROVIDERS

    assert set(SUPPORTED_NATIVE_PROVIDERS) | set(PROVIDER_ALIASES) <= set(BY_NAME)
    ours = {provider.names[0] for provider in PROVIDERS if provider.package != "litellm"}
    assert ours <= set(SUPPORTED_NATIVE_PROVIDERS)


@pytest.mark.parametrize(
    "name", sorted(name for name in BY_NAME if BY_NAME[name].openai or BY_NAME[name].title == "Snowflake")
)
def test_every_provider_that_needs_no_other_package_can_be_connected(name: str, engine: Path) -> None:
    keys = {key: KEY for group in BY_NAME[name].keys for key in group if "ACCOUNT" not in key}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in (keys | {"SNOWFLAKE_ACCOUNT": "me"}).items():
            patch.setenv(key, value)
        llm: Any = Models("", engine, os.environ).llm(f"{name}/some/model-of-tomorrow", temperature=0.5, max_tokens=9)

    assert (llm.model, llm.temperature, llm.timeout, llm.max_retries) == ("some/model-of-tomorrow", 0.5, 120, 0)


def test_a_name_that_the_provider_cannot_take_is_refused_in_a_sentence(engine: Path) -> None:
    with pytest.raises(ModelUnusable, match="The model deepinfra/x cannot be used: DeepInfra model ids are org/model"):
        models(engine, DEEPINFRA_API_KEY=KEY).llm("deepinfra/x")


def test_agents_share_a_connection_and_nothing_else(engine: Path) -> None:
    ours = Models("openai/gpt-4.1", engine, {"OPENAI_API_KEY": KEY})

    one: Any = ours.llm("", temperature=0.1, max_tokens=100)
    two: Any = ours.llm("openai/gpt-4.1")
    one._track_token_usage_internal({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10})

    assert one._client is two._client
    assert (two.temperature, two.max_completion_tokens) == (None, None)
    assert (one.temperature, one.max_completion_tokens) == (0.1, 100)
    assert two._token_usage["total_tokens"] == 0


def test_a_model_of_ones_own_server_is_taken_for_a_large_one(engine: Path) -> None:
    ours = Models("", engine, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})

    assert ours.llm("openai/my-own").get_context_window_size() == int(128_000 * 0.85)
    assert ours.llm("openai/gpt-4").get_context_window_size() == int(8192 * 0.85)
    assert ours.llm("ollama/my-own").get_context_window_size() == int(8192 * 0.85)


def test_a_prompt_is_weighed_without_asking_the_provider(engine: Path) -> None:
    unreachable = Models("openai/gpt-4.1", engine, {"OPENAI_API_KEY": KEY})

    messages: Any = [{"role": "user", "content": "four" * 10}, {"role": "assistant", "content": "ü"}]
    assert unreachable.llm("").get_input_tokens_count(messages) == 11


def test_models_never_show_a_key(tmp_path: Path) -> None:
    ours = models(tmp_path, "openai/gpt-4.1", OPENAI_API_KEY=KEY)

    assert KEY not in repr(ours)
    assert ours.redactor(f"The key {KEY} is wrong") == "The key … is wrong"


@pytest.mark.parametrize(
    ("name", "environ", "where"),
    [
        ("openai/x", {}, "OpenAI"),
        ("openai/x", {"OPENAI_BASE_URL": "https://llm.example.com:8443/v1"}, "llm.example.com:8443"),
        ("ollama/x", {"OLLAMA_HOST": "gpu-box:11434"}, "gpu-box:11434"),
        ("local/x", {}, "this machine"),
    ],
)
def test_people_are_told_who_answers(name: str, environ: dict[str, str], where: str, tmp_path: Path) -> None:
    assert models(tmp_path, **environ).where(name) == where
