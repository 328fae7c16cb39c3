"""Language models by name: which providers there are, what each needs, and the CrewAI objects that speak to them."""

from __future__ import annotations

import asyncio
import copy
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot import model_files
from bot.embedded_models import MODELS
from bot.engine.local_model import local_llm
from bot.engine.meter import Price
from bot.engine.wire import make_stoppable
from bot.errors import UserError
from bot.redaction import Redactor

if TYPE_CHECKING:
    from crewai import BaseLLM

# How long one answer may take, in seconds.
ANSWER_SECONDS = 120

LOCAL = "local"


@dataclass(frozen=True)
class Provider:
    """A company or program that serves models.

    ``names`` are the prefixes in ``provider/model``, CrewAI's own first; of each group in ``keys`` one environment
    variable must be set; ``package`` is what CrewAI imports for it and ``extra`` installs; ``url`` names the variable
    with the address, ``home`` is the address where none is given; ``openai`` says whether it is spoken to with OpenAI's
    client, ``timed`` whether CrewAI lets us set its time-outs; ``window`` is the context in tokens of a model that
    CrewAI's catalogue does not know. ``address`` is CrewAI's name for an address of one's own, ``""`` where there can
    be none, ``None`` where a key and an address are not enough to connect.
    """

    names: tuple[str, ...]
    title: str
    keys: tuple[tuple[str, ...], ...] = ()
    package: str = "openai"
    extra: str = ""
    url: str = ""
    openai: bool = False
    timed: bool = True
    window: int = 128_000
    home: str = ""
    address: str | None = "base_url"


@dataclass(frozen=True)
class Endpoint:
    """One model of one provider: ``access`` is what CrewAI is told to get in, ``window`` a context known in tokens.

    Endpoints of the same ``id`` share a connection; ``official`` says that OpenAI itself answers.
    """

    id: str
    provider: Provider
    model: str
    access: Callable[[], dict[str, Any]]
    window: int | None = None
    official: bool = False


def _through_litellm(name: str, title: str, *keys: str) -> Provider:
    return Provider((name,), title, (keys,), package="litellm", extra="litellm")


def _like_openai(name: str, title: str, prefix: str, home: str) -> Provider:
    key, url = f"{prefix}_API_KEY", f"{prefix}_BASE_URL"
    return Provider((name,), title, ((key,),), url=url, openai=True, home=home)


# https://docs.crewai.com/concepts/llms and crewai.llm.SUPPORTED_NATIVE_PROVIDERS.
PROVIDERS = (
    Provider(
        ("openai",),
        "OpenAI",
        (("OPENAI_API_KEY",),),
        url="OPENAI_BASE_URL",
        openai=True,
        home="https://api.openai.com/v1",
    ),
    Provider(
        ("anthropic", "claude"),
        "Anthropic",
        (("ANTHROPIC_API_KEY",),),
        "anthropic",
        "anthropic",
        home="https://api.anthropic.com",
    ),
    Provider(
        ("gemini", "google"),
        "Google",
        (("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT"),),
        "google.genai",
        "google-genai",
        timed=False,
        address="",
    ),
    Provider(
        ("azure", "azure_openai"),
        "Azure",
        (("AZURE_API_KEY",), ("AZURE_ENDPOINT", "AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE")),
        "azure.ai.inference",
        "azure-ai-inference",
        address="endpoint",
    ),
    Provider(("bedrock", "aws"), "Amazon Bedrock", (), "boto3", "bedrock", timed=False, address=None),
    Provider(
        ("snowflake",),
        "Snowflake",
        (
            ("SNOWFLAKE_PAT", "SNOWFLAKE_TOKEN", "SNOWFLAKE_JWT"),
            ("SNOWFLAKE_ACCOUNT_URL", "SNOWFLAKE_ACCOUNT", "SNOWFLAKE_ACCOUNT_ID", "SNOWFLAKE_ACCOUNT_IDENTIFIER"),
        ),
        address=None,
    ),
    _like_openai("openrouter", "OpenRouter", "OPENROUTER", "https://openrouter.ai/api/v1"),
    _like_openai("deepseek", "DeepSeek", "DEEPSEEK", "https://api.deepseek.com/v1"),
    _like_openai("cerebras", "Cerebras", "CEREBRAS", "https://api.cerebras.ai/v1"),
    _like_openai("dashscope", "DashScope", "DASHSCOPE", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
    _like_openai("deepinfra", "DeepInfra", "DEEPINFRA", "https://api.deepinfra.com/v1/openai"),
    # Ollama cuts prompts to 4,096 tokens unless told otherwise, so CrewAI's own careful guess stays.
    Provider(
        ("ollama", "ollama_chat"),
        "Ollama",
        url="OLLAMA_HOST",
        openai=True,
        window=8192,
        home="http://localhost:11434/v1",
    ),
    Provider(("hosted_vllm",), "vLLM", url="VLLM_BASE_URL", openai=True, home="http://localhost:8000/v1"),
    _through_litellm("groq", "Groq", "GROQ_API_KEY"),
    _through_litellm("mistral", "Mistral", "MISTRAL_API_KEY"),
    _through_litellm("xai", "xAI", "XAI_API_KEY"),
    _through_litellm("cohere", "Cohere", "COHERE_API_KEY", "CO_API_KEY"),
    _through_litellm("perplexity", "Perplexity", "PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
    _through_litellm("together_ai", "Together AI", "TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
    _through_litellm("fireworks_ai", "Fireworks AI", "FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"),
    _through_litellm("nvidia_nim", "NVIDIA NIM", "NVIDIA_NIM_API_KEY"),
    _through_litellm("sambanova", "SambaNova", "SAMBANOVA_API_KEY"),
    _through_litellm("huggingface", "Hugging Face", "HF_TOKEN", "HUGGINGFACE_API_KEY"),
)
BY_NAME: Mapping[str, Provider] = {name: provider for provider in PROVIDERS for name in provider.names}


class ModelUnusable(UserError):
    """{reason}"""


class Models:
    """The models this installation can speak to; one connection for each name, shared by all runs."""

    def __init__(
        self,
        default_model: str,
        data_dir: Path,
        environ: Mapping[str, str] = os.environ,
        redactor: Redactor | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        """``default_model`` is meant where an agent names none; the embedded models' files are in ``data_dir``.

        Keys that are opened are told to ``redactor``. A model that does not answer within ``seconds`` is given up.
        """
        self.seconds = seconds
        self.default_model = default_model
        self._data_dir = data_dir
        self._environ = environ
        self._bases: dict[str, BaseLLM] = {}
        self.redactor = redactor or Redactor(environ)
        self._lock = threading.Lock()

    def name(self, name: str) -> str:
        """The full name of a model; of the default model for ``""``."""
        return name or self.default_model

    def problem(self, name: str) -> str | None:
        """What keeps the model from being used, and what to do; ``None`` if nothing is known. Imports no CrewAI."""
        name = self.name(name)
        prefix, _, model = name.partition("/")
        if not name:
            return "No model is chosen. Set CREWCALL_DEFAULT_MODEL, for example to openai/gpt-4.1-mini."
        if not prefix or not model:
            return f"“{name}” is no model. Write provider/model, for example openai/gpt-4.1-mini."
        if prefix == LOCAL:
            return self._local_problem(name)
        provider = BY_NAME.get(prefix.lower())
        if provider is None:
            known = ", ".join([LOCAL, *(provider.names[0] for provider in PROVIDERS)])
            return f"There is no model provider called “{prefix}”. Use one of {known}."
        return self.provider_problem(provider)

    def provider_problem(self, provider: Provider) -> str | None:
        """What keeps all models of a provider from being used with the server's own settings, and what to do."""
        return missing_package(provider) or self._missing_key(provider)

    def address(self, provider: Provider) -> str:
        """Where the server's own settings look for a provider; ``""`` where its client knows."""
        return self._environ.get(provider.url) or provider.home

    def llm(
        self,
        name: str,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        reasoning_effort: str | None = None,
    ) -> BaseLLM:
        """A CrewAI model for one agent of one run; raises ``ModelUnusable`` with what ``problem`` says.

        What a provider has no word for is left out.
        """
        name = self.name(name)
        if problem := self.problem(name):
            raise ModelUnusable(reason=problem)
        if name.startswith(f"{LOCAL}/"):
            return self._local(name, temperature=temperature, max_tokens=max_tokens, top_p=top_p, seed=seed)
        endpoint = self._endpoint(name)
        with self._lock:
            key = f"{endpoint.id}, {self.seconds:g} s"
            if key not in self._bases:
                self._bases[key] = self._connected(name, endpoint, self.seconds)
        # The copy shares the connections. CrewAI counts tokens in a dictionary of the object: each agent needs its own.
        llm: Any = copy.copy(self._bases[key])
        llm._token_usage = dict.fromkeys(llm._token_usage, 0)
        llm.temperature = temperature
        for word, value in {"top_p": top_p, "seed": seed, "reasoning_effort": reasoning_effort}.items():
            if value is not None and word in type(llm).model_fields:
                setattr(llm, word, value)
        # To summarise a conversation that has grown too long, CrewAI calls from an event loop of the moment, through a
        # second client whose connections would be left behind and know nothing of a stop.
        object.__setattr__(llm, "acall", partial(asyncio.to_thread, llm.call))
        if max_tokens:
            # OpenAI's newer models take the first alone; other servers may know only the second.
            setattr(llm, "max_completion_tokens" if endpoint.official else "max_tokens", max_tokens)
        return llm  # type: ignore[no-any-return]

    def price(self, name: str) -> Price | None:
        """What a model costs; ``None`` where nobody has said."""
        return None

    def where(self, name: str) -> str:
        """Who answers for a model, in words for people: the host where one is set, else the provider's name."""
        provider = self._provider(name)
        if provider is None:
            return "this machine"
        url = self._environ.get(provider.url, "")
        return urlsplit(url).netloc or url or provider.title

    def key_mend(self, name: str) -> str:
        """What to do when the key to a model is refused."""
        provider = self._provider(name)
        if provider is None or not provider.keys:
            return "Check its access rights."
        return f"Set a valid {' or '.join(provider.keys[0])} and start Crewcall again."

    def _provider(self, name: str) -> Provider | None:
        return BY_NAME.get(self.name(name).partition("/")[0].lower())

    def _endpoint(self, name: str) -> Endpoint:
        prefix, _, model = name.partition("/")
        provider = BY_NAME[prefix.lower()]
        url = self._environ.get(provider.url)

        def access() -> dict[str, Any]:
            return {"api_key": self._key(provider), "base_url": url or None} if provider.openai else {}

        return Endpoint(name, provider, model, access, official=prefix.lower() == "openai" and not url)

    def _connected(self, name: str, endpoint: Endpoint, seconds: float) -> BaseLLM:
        try:
            return connect(endpoint, seconds)
        except (ImportError, ValueError) as error:
            said = self.redactor(str(error)).partition("\n")[0]
            raise ModelUnusable(reason=f"The model {name} cannot be used: {said}") from None

    def _local(self, name: str, **settings: Any) -> BaseLLM:
        path = model_files.path_of(name, self._data_dir)
        assert path is not None  # problem() has looked
        return local_llm(name, path, **{key: value for key, value in settings.items() if value is not None})

    def _local_problem(self, name: str) -> str | None:
        if name not in MODELS:
            return f"There is no embedded model called “{name}”. Use one of {', '.join(MODELS)}."
        if model_files.path_of(name, self._data_dir):
            return None
        return f"The embedded model {name} has not been fetched yet. Run crewcall fetch-model {name} on the server."

    def _missing_key(self, provider: Provider) -> str | None:
        if provider.openai and provider.url == "OPENAI_BASE_URL" and self._environ.get(provider.url):
            return None
        missing = [group for group in provider.keys if not any(self._environ.get(key) for key in group)]
        if not missing:
            return None
        return f"Set {' and '.join(group[0] for group in missing)} to use models of {provider.title}."

    def _key(self, provider: Provider) -> str | None:
        """The key; servers of one's own often want none, but OpenAI's client insists on one."""
        for key in (key for group in provider.keys for key in group):
            if value := self._environ.get(key):
                return value
        return "none" if provider.names[0] == "openai" else None


def connect(endpoint: Endpoint, seconds: float) -> BaseLLM:
    """CrewAI's object for a model, which waits at most ``seconds`` for an answer; raises what CrewAI raises."""
    from crewai import LLM

    provider, model = endpoint.provider, endpoint.model
    settings: dict[str, Any] = {"timeout": seconds, "max_retries": 0} if provider.timed else {}
    settings |= endpoint.access()
    # Named outright, a provider takes models that CrewAI has not heard of yet.
    name = provider.names[0]
    settings |= {"model": f"{name}/{model}"} if provider.package == "litellm" else {"model": model, "provider": name}
    llm: Any = LLM(**settings)
    if provider.openai:
        make_stoppable(llm._client._client)
    _weigh_here(llm, model, provider.window, endpoint.window)
    return llm  # type: ignore[no-any-return]


def missing_package(provider: Provider) -> str | None:
    """What to install for models of a provider, as a sentence; ``None`` if nothing is missing."""
    if installed(provider.package):
        return None
    return f"Models of {provider.title} need another package. Install it: pip install 'crewai[{provider.extra}]'."


def installed(package: str) -> bool:
    """Whether Python finds a package here."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _weigh_here(llm: Any, model: str, window: int, told: int | None) -> None:
    """Tell a model how to see whether a prompt fits.

    Before each call CrewAI has the provider count the prompt's tokens, which is one more request each time: an estimate
    does. A model it does not know it takes for one of 8,192 tokens, and summarises what would have fitted.
    """
    from crewai.llms.context_window import CONTEXT_WINDOW_USAGE_RATIO, LLM_CONTEXT_WINDOW_SIZES

    object.__setattr__(llm, "get_input_tokens_count", _estimated_tokens)
    if told:
        object.__setattr__(llm, "get_context_window_size", lambda: int(told * CONTEXT_WINDOW_USAGE_RATIO))
    elif model not in LLM_CONTEXT_WINDOW_SIZES:
        known = int(window * CONTEXT_WINDOW_USAGE_RATIO)
        object.__setattr__(llm, "get_context_window_size", lambda: max(known, type(llm).get_context_window_size(llm)))


def _estimated_tokens(messages: Any, tools: Any = None, response_model: Any = None) -> int:
    """At four bytes a token, which is about right for English and careful for most other scripts."""
    from crewai.utilities.message_utils import message_content_text

    texts = [messages] if isinstance(messages, str) else [message_content_text(message) for message in messages]
    return -(-sum(len(text.encode()) for text in texts) // 4)
