"""Language models as projects name them, and as they are called here: provider/model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.engine.llms import BY_NAME
from bot.projects.bundle import Need
from bot.projects.python.values import Config, External, Function, Made, Unknown, Value

# Classes of models in CrewAI and LangChain, by the provider that they speak to.
_CLASSES: Mapping[str, str] = {
    "ChatOpenAI": "openai",
    "OpenAI": "openai",
    "OpenAICompletion": "openai",
    "AzureChatOpenAI": "azure",
    "AzureOpenAI": "azure",
    "ChatAnthropic": "anthropic",
    "Anthropic": "anthropic",
    "ChatGoogleGenerativeAI": "gemini",
    "GoogleGenerativeAI": "gemini",
    "ChatVertexAI": "gemini",
    "ChatGroq": "groq",
    "Ollama": "ollama",
    "ChatOllama": "ollama",
    "OllamaLLM": "ollama",
    "ChatMistralAI": "mistral",
    "ChatCohere": "cohere",
    "ChatBedrock": "bedrock",
    "BedrockChat": "bedrock",
    "BedrockLLM": "bedrock",
    "ChatNVIDIA": "nvidia_nim",
    "ChatDeepSeek": "deepseek",
    "ChatXAI": "xai",
    "ChatTogether": "together_ai",
    "ChatFireworks": "fireworks_ai",
    "ChatPerplexity": "perplexity",
    "HuggingFaceHub": "huggingface",
    "HuggingFaceEndpoint": "huggingface",
    "LLM": "",
    "BaseLLM": "",
}
_BY_BEGINNING = (
    ("claude", "anthropic"),
    ("gemini", "gemini"),
    ("deepseek", "deepseek"),
    ("mistral", "mistral"),
    ("grok", "xai"),
    ("command", "cohere"),
)
_MODEL_WORDS = ("model", "model_name", "azure_deployment", "deployment_name", "model_id", "repo_id")
_ADDRESSES = ("base_url", "api_base", "endpoint", "azure_endpoint", "openai_api_base", "url")
_SETTINGS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "top_p": "top_p",
    "seed": "seed",
    "reasoning_effort": "reasoning_effort",
}
_UNTOLD = {"api_key", "openai_api_key", "anthropic_api_key", "google_api_key", "groq_api_key", "verbose", "streaming"}
_UNTOLD |= {"stream", "provider", "api_version", "openai_api_version", "drop_params"}
_NAME = re.compile(r"[\w.\-:@/+ ]{1,200}")


@dataclass(frozen=True)
class Named:
    """A model: its name here or ``""`` for the default one, its settings, what is lost, and what it needs."""

    name: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)


def model_of(value: Value, who: str) -> Named:
    """The model that ``who`` is given in a project."""
    match value:
        case None | "":
            return Named()
        case str():
            return _of_text(value, who)
        case Made():
            return _of_object(value, who)
        case dict():
            told = {str(key): each for key, each in value.items()}
            return _of_settings("", told, who)
        case Unknown(name=name):
            why = f"The project takes the model of {who} from {name or 'its code'}; here the default model answers."
            return Named(lost={"llm": why})
        case Function(name=name) | External(last=name):
            return Named(lost={"llm": f"The project’s code chooses the model of {who} ({name}); the default answers."})
    return Named(lost={"llm": f"Only a run would tell the model of {who}; here the default model answers."})


def full_name(name: str) -> str:
    """The name with its provider, which CrewAI guesses from the model where none is named."""
    name = name.strip()
    prefix, slash, _ = name.partition("/")
    if slash and (prefix.lower() in BY_NAME or prefix == "local"):
        return name
    if slash:
        return name
    return f"{next((provider for begin, provider in _BY_BEGINNING if name.lower().startswith(begin)), 'openai')}/{name}"


def needs_of(name: str, who: str) -> list[Need]:
    """What a model needs on the server: keys and packages, or a connection where its provider is not known."""
    prefix = name.partition("/")[0].lower()
    provider = BY_NAME.get(prefix)
    if prefix == "local" or not name:
        return []
    if provider is None:
        return [
            Need(
                "model",
                name,
                f"{_upper(who)} uses it, and no provider is called “{prefix}”. Choose another one.",
            )
        ]
    keys = [Need("key", group[0], f"{_upper(who)} uses {name}.") for group in provider.keys]
    extra = [Need("package", f"crewai[{provider.extra}]", f"{_upper(who)} uses {name}.")] if provider.extra else []
    return [*keys, *extra]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _of_text(text: str, who: str) -> Named:
    if "{" in text or not _NAME.fullmatch(text.strip()):
        return Named(
            lost={"llm": f"Only a run would tell the model of {who} ({text[:60]}); the default model answers."}
        )
    name = full_name(text)
    return Named(name, needs=needs_of(name, who))


def _of_object(made: Made, who: str) -> Named:
    provider = _CLASSES.get(made.last)
    if provider is None:
        why = f"{made.last} is a class of the project’s own; here the default model answers for {who}."
        return Named(lost={"llm": why})
    told = dict(made.kwargs)
    if made.args and not any(word in told for word in _MODEL_WORDS):
        told["model"] = made.args[0]
    return _of_settings(provider, told, who)


def _of_settings(provider: str, told: Mapping[str, Value], who: str) -> Named:
    found = next((told[word] for word in _MODEL_WORDS if told.get(word) is not None), None)
    named = told.get("provider")
    provider = named if isinstance(named, str) and named else provider
    if isinstance(found, str) and provider and provider != "openai" and "/" not in found:
        found = f"{provider}/{found}"
    elif isinstance(found, str) and provider == "openai" and found.partition("/")[0].lower() not in BY_NAME:
        found = f"openai/{found}"
    base = model_of(found, who) if found is not None else Named()
    if found is None and provider:
        base = Named(lost={"llm": f"{who} names no model, only {provider}; here the default model answers."})
    settings, lost = {}, dict(base.lost)
    for word, value in told.items():
        if word in _SETTINGS and isinstance(value, int | float | str):
            settings[_SETTINGS[word]] = value
        elif word in _ADDRESSES and value is not None:
            lost[word] = f"The address of a model belongs to a connection: /crew models. {who} uses {base.name}."
        elif word not in (*_MODEL_WORDS, *_UNTOLD) and value not in (None, False) and not isinstance(value, Config):
            lost[word] = f"It is a setting of the model of {who} that has no place here."
    return Named(base.name, settings, lost, base.needs)
