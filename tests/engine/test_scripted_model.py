"""The scripted model itself: what tests all over the project rely on."""

from __future__ import annotations

import threading
from typing import Any

import openai
import pytest

from tests.support.scripted_model import KEY, ScriptedModel


@pytest.fixture
def client(llm: ScriptedModel) -> Any:
    with openai.OpenAI(api_key=KEY, base_url=llm.base_url, max_retries=0) as client:
        yield client


def ask(client: Any, words: str, **more: Any) -> Any:
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": words}], **more)


def said(client: Any, words: str) -> str | None:
    content: str | None = ask(client, words).choices[0].message.content
    return content


def test_answers_are_found_by_words_and_given_in_turn_the_last_for_ever(llm: ScriptedModel, client: Any) -> None:
    llm.when("tea").says("One.").says("Two.", times=2).says("Three.")
    llm.when("tea", "milk").says("White.")

    assert [said(client, "tea") for _ in range(5)] == ["One.", "Two.", "Two.", "Three.", "Three."]
    assert said(client, "tea with milk") == "White."
    assert said(client, "coffee") == llm.otherwise
    assert [request.messages[0]["content"] for request in llm.requests[-2:]] == ["tea with milk", "coffee"]


def test_a_held_answer_comes_when_the_gate_opens(llm: ScriptedModel, client: Any) -> None:
    gate, answers = threading.Event(), []
    llm.when("tea").says("Late.", after=gate)
    asking = threading.Thread(target=lambda: answers.append(said(client, "tea")))
    asking.start()

    assert llm.heard("tea").prompt == "tea"
    assert answers == []
    gate.set()
    asking.join()

    assert answers == ["Late."]


def test_waiting_for_words_nobody_says_fails(llm: ScriptedModel) -> None:
    with pytest.raises(AssertionError, match="Nobody asked the model about"):
        llm.heard("tea", timeout=0.01)


def test_a_stream_says_the_same_and_counts_the_same(llm: ScriptedModel, client: Any) -> None:
    llm.when("tea").says("One line.\nAnother.")

    chunks = list(ask(client, "tea please", stream=True))
    whole = ask(client, "tea please")

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "One line.\nAnother."
    assert chunks[-1].usage == whole.usage
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (2, 3)


def test_it_calls_tools(llm: ScriptedModel, client: Any) -> None:
    llm.when("weather").calls_tool("look", {"city": "Oslo"})

    call = ask(client, "weather").choices[0].message.tool_calls[0].function

    assert (call.name, call.arguments) == ("look", '{"city": "Oslo"}')


def test_it_fails_hangs_up_and_checks_the_key(llm: ScriptedModel, client: Any) -> None:
    llm.when("tea").fails(429, error="Slowly!", retry_after=3).hangs_up().says("Well.")

    with pytest.raises(openai.RateLimitError, match="Slowly!") as refusal:
        ask(client, "tea")
    assert refusal.value.response.headers["Retry-After"] == "3"
    with pytest.raises(openai.APIConnectionError):
        ask(client, "tea")
    assert said(client, "tea") == "Well."
    with pytest.raises(openai.AuthenticationError):
        ask(client.with_options(api_key="wrong"), "tea")
