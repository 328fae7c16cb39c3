"""A workspace's connections: found by name, opened late, tried out, and never given the environment's key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.engine.build import CannotBuild, build
from bot.engine.connected import ConnectedModels, credentials, reserved, try_out
from bot.engine.failures import reason
from bot.engine.llms import BY_NAME, PROVIDERS, Models, ModelUnusable
from bot.errors import FormRefused
from store.connections import Connection
from tests.engine.crews import agent, crew, task
from tests.support.scripted_model import KEY, ScriptedModel

SECRET = "sk-of-the-workspace-1234"
ENVIRONMENT = {"OPENAI_API_KEY": "sk-of-the-server-5678", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}


def connection(**told: Any) -> Connection:
    facts = {"id": 7, "team": "T1", "name": "Research", "provider": "openai", "base_url": "", "has_key": True}
    rest = {"models": ["large"], "context_window": None, "prompt_price": None, "completion_price": None}
    return Connection.model_validate({**facts, **rest, "changed_by": "U1", "version": 1, **told})


def models(tmp_path: Path, *given: Connection, key: str | None = SECRET, default: str = "") -> ConnectedModels:
    ours = Models("openai/gpt-4.1", tmp_path, ENVIRONMENT)
    return ConnectedModels(ours, given or [connection()], lambda _: SecretStr(key) if key else None, default)


def test_a_model_is_named_by_its_connection_in_any_case(engine: Path) -> None:
    ours = models(engine)

    assert ours.problem("RESEARCH/anything") is None
    llm: Any = ours.llm("research/some/model", temperature=0.5, max_tokens=9)

    assert (llm.model, llm.api_key, llm.temperature) == ("some/model", SECRET, 0.5)
    assert llm.max_completion_tokens == 9
    assert ours.where("Research/x") == "OpenAI"


def test_a_connection_to_openai_goes_to_openai_whatever_the_server_is_set_up_for(engine: Path) -> None:
    llm: Any = models(engine).llm("Research/gpt-4.1")

    assert str(llm._client.base_url) == "https://api.openai.com/v1/"
    assert llm._client.api_key == SECRET


@pytest.mark.parametrize("provider", [each.names[0] for each in PROVIDERS if each.openai])
def test_the_servers_own_keys_never_travel_to_an_address_that_somebody_typed(
    provider: str, engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*(key for group in BY_NAME[provider].keys for key in group), "OLLAMA_API_KEY", "VLLM_API_KEY"]:
        monkeypatch.setenv(name, "sk-of-the-server-5678")
    given = connection(provider=provider, base_url="http://10.0.0.1:8000/v1", has_key=False)

    llm: Any = models(engine, given, key=None).llm("Research/org/x")

    assert str(llm._client.base_url).startswith("http://10.0.0.1:8000/v1")
    assert llm._client.api_key == "none"


@pytest.mark.parametrize("provider", [each for each in PROVIDERS if each.openai], ids=lambda each: each.title)
def test_providers_are_at_home_where_crewai_looks_for_them(provider: Any, engine: Path) -> None:
    from crewai.llms.providers.openai_compatible.completion import OPENAI_COMPATIBLE_PROVIDERS

    known = OPENAI_COMPATIBLE_PROVIDERS.get(provider.names[0])
    assert provider.home == (known.base_url if known else "https://api.openai.com/v1")


def test_the_workspaces_default_goes_before_the_servers(tmp_path: Path) -> None:
    assert models(tmp_path).name("") == "openai/gpt-4.1"
    assert models(tmp_path, default="Research/large").name("") == "Research/large"
    assert models(tmp_path, default="Research/large").problem("") is None


@pytest.mark.parametrize(
    ("given", "name", "problem"),
    [
        ({}, "Research/", "“Research/” names no model. Write for example Research/large."),
        (
            {"has_key": False},
            "Research/large",
            "The connection “Research” has no key. An administrator can add it: /crew models.",
        ),
        (
            {"provider": "groq"},
            "Research/large",
            "Models of Groq need another package. Install it: pip install 'crewai[litellm]'.",
        ),
        ({"has_key": False, "base_url": "http://gpu:8000/v1"}, "Research/large", None),
        ({"has_key": False, "provider": "ollama"}, "Research/large", None),
        ({}, "openai/gpt-4.1", None),
    ],
)
def test_what_is_missing_is_said(given: dict[str, Any], name: str, problem: str | None, tmp_path: Path) -> None:
    assert models(tmp_path, connection(**given)).problem(name) == problem


def test_a_name_that_is_neither_is_answered_with_the_workspaces_connections(tmp_path: Path) -> None:
    said = models(tmp_path).problem("Reserch/large") or ""

    assert said.startswith("There is no model provider called “Reserch”.")
    assert said.endswith("Connections of this workspace: Research.")


def test_a_model_that_is_missing_is_told_with_the_agents_name(engine: Path) -> None:
    definition = crew([agent("Ann", llm="Research/large")], [task("Find", "Find sources.", "Ann")])

    with pytest.raises(CannotBuild, match="“Ann” has no model to work with\\. The connection “Research” has no key"):
        build(definition, {}, models(engine, connection(has_key=False)))


def test_a_saved_connection_is_connected_anew_and_an_old_one_is_shared(engine: Path) -> None:
    ours = Models("", engine, {})
    keys = iter(["sk-first-key", "sk-second-key"])

    def team(version: int) -> ConnectedModels:
        return ConnectedModels(ours, [connection(version=version)], lambda _: SecretStr(next(keys)))

    one: Any = team(1).llm("Research/x")
    same: Any = team(1).llm("Research/x")
    newer: Any = team(2).llm("Research/x")

    assert one._client is same._client
    assert (one._client.api_key, newer._client.api_key) == ("sk-first-key", "sk-second-key")


def test_the_window_that_an_administrator_gives_counts(engine: Path) -> None:
    given = [connection(context_window=20_000), connection(id=8, name="Other", provider="ollama")]
    ours = models(engine, *given)

    assert ours.llm("Research/gpt-4.1").get_context_window_size() == int(20_000 * 0.85)
    assert ours.llm("Other/x").get_context_window_size() == int(8_192 * 0.85)


def test_an_opened_key_is_taken_out_of_every_sentence(engine: Path) -> None:
    ours = models(engine)
    ours.llm("Research/x")

    class Refusal(Exception):
        status_code = 418

    assert ours.redactor(f"Wrong key {SECRET}.") == "Wrong key …."
    # Another run of the same workspace did not open it itself.
    assert SECRET not in reason(Refusal(f"no: {SECRET}"), model="Research/x", models=models_sharing(ours))


def models_sharing(ours: ConnectedModels) -> ConnectedModels:
    return ConnectedModels(ours, [connection()], lambda _: None)


def test_a_refused_key_is_mended_in_slack(tmp_path: Path) -> None:
    class Refusal(Exception):
        status_code = 401

    said = reason(Refusal("no"), model="Research/x", models=models(tmp_path, connection(base_url="http://gpu:8000/v1")))

    assert said == (
        "gpu:8000 refused the key for Research/x. "
        "An administrator can put a valid key into the connection “Research”: /crew models."
    )


@pytest.mark.parametrize(("name", "taken"), [("OpenAI", True), ("local", True), ("Research", False)])
def test_a_connection_cannot_hide_a_provider(name: str, taken: bool) -> None:
    assert reserved(name) is taken


def test_credentials_name_the_address_as_crewai_does() -> None:
    key = SecretStr("sk-x")
    assert credentials("azure", "https://a.example", key) == {"api_key": "sk-x", "endpoint": "https://a.example"}
    assert credentials("gemini", "https://a.example", key) == {"api_key": "sk-x"}
    assert credentials("groq", "", None) == {"api_key": "none"}


class TestTryingOut:
    """What a person is told, and at which field."""

    def refusal(self, engine: Path, url: str, *, key: str | None = KEY, model: str = "scripted") -> FormRefused:
        with pytest.raises(FormRefused) as refused:
            try_out(Models("", engine, {}), "openai", url, SecretStr(key) if key else None, model)
        return refused.value

    def test_a_model_that_answers_raises_nothing(self, engine: Path, llm: ScriptedModel) -> None:
        try_out(Models("", engine, {}), "openai", llm.base_url, SecretStr(KEY), "scripted")

        assert llm.heard("Answer with the single word").body["model"] == "scripted"

    def test_a_wrong_key(self, engine: Path, llm: ScriptedModel) -> None:
        wrong = "sk-wrong-key-that-is-echoed"
        llm.rejects = f"Incorrect API key provided: {wrong}"
        where = llm.base_url.removeprefix("http://").removesuffix("/v1")

        assert self.refusal(engine, llm.base_url, key=wrong).fields == {"key": f"{where} refused this key."}
        assert self.refusal(engine, llm.base_url, key=None).fields == {"key": f"{where} wants a key."}

    @pytest.mark.parametrize(
        ("status", "error", "field", "words"),
        [
            (402, "pay first", "key", "has used up what it paid for"),
            (429, "insufficient_quota", "key", "has used up what it paid for"),
            (404, "The model `scripted` does not exist", "models", "does not know the model “scripted”"),
            (404, "page not found", "base_url", "Many end in /v1"),
            (503, "overloaded", "", "had a failure of its own (503)"),
            (418, f"teapot {KEY}", "", "The test failed: "),
        ],
    )
    def test_what_a_server_answers(
        self, status: int, error: str, field: str, words: str, engine: Path, llm: ScriptedModel
    ) -> None:
        llm.when("Answer").fails(status, error=error)

        refused = self.refusal(engine, llm.base_url)

        assert words in refused.sentence
        assert list(refused.fields) == ([field] if field else [])
        assert KEY not in refused.sentence

    def test_a_model_that_has_nothing_to_say_still_works(self, engine: Path, llm: ScriptedModel) -> None:
        llm.when("Answer").says_nothing()

        try_out(Models("", engine, {}), "openai", llm.base_url, SecretStr(KEY), "scripted")

    def test_an_address_that_leads_nowhere(self, engine: Path, llm: ScriptedModel) -> None:
        assert "cannot be reached" in self.refusal(engine, "http://127.0.0.1:9/v1").fields["base_url"]
        assert "cannot be reached" in self.refusal(engine, "http://no-such-host.invalid/v1").fields["base_url"]
        llm.when("Answer").hangs_up()
        assert "cannot be reached" in self.refusal(engine, llm.base_url).fields["base_url"]

    def test_a_server_that_speaks_otherwise(self, engine: Path, web_page: str) -> None:
        assert "does not answer as a model at this address" in self.refusal(engine, web_page).fields["base_url"]

    def test_a_server_that_never_answers(self, engine: Path, llm: ScriptedModel) -> None:
        llm.when("Answer").says("too late", after=threading.Event())

        with pytest.raises(FormRefused) as refused:
            try_out(Models("", engine, {}), "openai", llm.base_url, SecretStr(KEY), "scripted", seconds=1)

        assert "did not answer within 1 seconds" in refused.value.fields["base_url"]


@pytest.fixture
def web_page() -> Iterator[str]:
    """A web server that knows nothing of models."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "15")
            self.end_headers()
            self.wfile.write(b"<html>hi</html>")

        def log_message(self, *args: object) -> None:
            """Say nothing on the console."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def test_what_no_connection_can_be_made_to_is_refused_before_it_is_asked(engine: Path) -> None:
    with pytest.raises(ModelUnusable, match="There can be no connection to “bedrock”"):
        models(engine, connection(provider="bedrock")).llm("Research/x")
