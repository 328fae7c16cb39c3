"""What counts as a secret, and what does not."""

from __future__ import annotations

import pytest

from bot.redaction import Redactor

ENVIRON = {
    "OPENAI_API_KEY": "the-key-of-openai",
    "CREWCALL_TOOL_DB": "postgres-of-the-tools",
    "CREWCALL_SECRET_KEYS": "first-of-them, second-of-them",
    "SLACK_SIGNING_SECRET": "signs-everything",
    "DATABRICKS_HOST": "warehouse.example.com",
    "SHORT_KEY": "abc",
}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("It said the-key-of-openai is wrong", "It said … is wrong"),
        ("postgres-of-the-tools!", "…!"),
        ("second-of-them", "…"),
        ("signs-everything and the-key-of-openai", "… and …"),
        ("sk-proj-4fT9aBcDeFgH12345678 and sk-ant-api03-xYz123456789", "… and …"),
        ("Incorrect API key provided: sk-12***********89.", "Incorrect API key provided: …"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: …"),
        ("xoxb-1234567890-abcdef, xapp-1-A0123-456", "…, …"),
        ("AKIAIOSFODNN7EXAMPLE", "…"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "…"),
        ("glpat-abcdefghij0123456789", "…"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "…"),
        ("hf_abcdefghijklmnopqrstuvwxyzABCD", "…"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "…"),
        ("postgresql://bot:s3cret@db.example.com/crew", "postgresql://…@db.example.com/crew"),
        ("https://api.example.com/v1?q=tides&api_key=0123456789abcdef", "https://api.example.com/v1?q=tides&…"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nafter", "…\nafter"),
    ],
)
def test_secrets_are_taken_out(text: str, left: str) -> None:
    assert Redactor(ENVIRON)(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "Use sk-learn-compatible estimators, and pk_fields_of_orders.",
        "She was the bearer of good news. Bearer authentication is common.",
        "Write to warehouse.example.com; abc is short.",
        "The key point: a token economy, 12:30@noon, mailto:ana@example.com",
        "https://example.com/a?page=2#part",
        "AKIA is a prefix, and ghp_ too.",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor(ENVIRON)(text) == text


def test_a_secret_that_is_learned_goes_from_then_on_wherever_it_stands_in_json() -> None:
    redactor = Redactor({})
    assert redactor("my-own-secret") == "my-own-secret"

    redactor.learn("my-own-secret")

    said = {"raw": "It is my-own-secret.", "json": {"parts": ["my-own-secret", 3, None]}}
    assert redactor.everywhere(said) == {"raw": "It is ….", "json": {"parts": ["…", 3, None]}}


def test_the_longer_of_two_secrets_goes_whole() -> None:
    redactor = Redactor({"A_KEY": "abcdef", "B_KEY": "abcdef-ghijkl"})

    assert redactor("abcdef-ghijkl abcdef") == "… …"
