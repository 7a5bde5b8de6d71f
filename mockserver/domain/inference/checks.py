"""What a served model refuses before it answers, in the service's own words where they are known."""

from __future__ import annotations

import json
from typing import Any

from . import tokens
from .conversation import text_of
from .expressions import Expression
from .profiles import ModelProfile
from .refusals import Refusal, bad_request, invalid_parameter

_CHAT = (
    "messages model max_tokens max_completion_tokens temperature top_p top_k stop n stream stream_options "
    "tools tool_choice "
    "parallel_tool_calls response_format logprobs top_logprobs logit_bias reasoning_effort thinking "
    "frequency_penalty "
    "presence_penalty seed extra_params client_request_id usage_context custom_inputs user databricks_options "
    "metadata store "
    "verbosity service_tier safety_identifier prompt_cache_key modalities repetition_penalty min_p extra_body"
)
_COMPLETIONS = (
    "prompt model max_tokens temperature top_p top_k n stop stream stream_options echo suffix error_behavior "
    "use_raw_prompt "
    "logprobs best_of logit_bias frequency_penalty presence_penalty seed user extra_params client_request_id "
    "usage_context "
    "databricks_options"
)
_EMBEDDINGS = (
    "input model instruction encoding_format dimensions user input_type extra_params client_request_id usage_context "
    "databricks_options"
)
FIELDS = {
    "llm/v1/chat": frozenset(_CHAT.split()),
    "llm/v1/completions": frozenset(_COMPLETIONS.split()),
    "llm/v1/embeddings": frozenset(_EMBEDDINGS.split()),
}
"""The top-level fields of each task; models hosted by Databricks refuse any other."""

ROLES = ("system", "user", "assistant", "tool")
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("temperature", 0, 2),
    ("top_p", 0, 1),
    ("frequency_penalty", -2, 2),
    ("presence_penalty", -2, 2),
)
_COUNTS: tuple[tuple[str, int, int], ...] = (("top_logprobs", 0, 20), ("top_k", -1, 1_000_000))
MOST_CHOICES = {True: 5, False: 128}
MOST_TOOLS = {True: 32, False: 128}
"""By whether the model is hosted by Databricks."""


def chat(request: dict[str, Any], profile: ModelProfile) -> None:
    """Checks a chat request.

    Raises:
        Refusal: 400 with the field, what is wrong with it and what is accepted.
    """
    _fields(request, "llm/v1/chat", profile)
    messages = request.get("messages")
    if messages is None:
        raise invalid_parameter("Missing required Chat parameter: 'messages'")
    if not isinstance(messages, list) or not messages:
        raise bad_request("Bad request: parameter 'messages' must be a non-empty list of messages")
    for index, message in enumerate(messages):
        _message(index, message)
    _sampling(request, profile)
    _tools(request, profile)
    _response_format(request.get("response_format"))
    if profile.family.name == "claude":
        _claude(request, profile)
        if any(_has_empty_text(message) for message in messages if not _is_tolerated(message)):
            raise _told_by_claude("messages: text content blocks must be non-empty")
    _length([message.get("content") for message in messages], profile)


def completions(request: dict[str, Any], profile: ModelProfile) -> None:
    """Checks a completion request.

    Raises:
        Refusal: 400.
    """
    _fields(request, "llm/v1/completions", profile)
    prompt = request.get("prompt")
    if prompt is None or prompt == []:
        raise invalid_parameter("Missing required Completions parameter: 'prompt'")
    if not isinstance(prompt, str | list):
        raise bad_request(f"Bad request: parameter 'prompt' must be a string or a list, not {_kind(prompt)}")
    _sampling(request, profile)
    behaviour = request.get("error_behavior")
    if behaviour not in (None, "truncate", "error"):
        raise bad_request(f"Bad request: parameter 'error_behavior' is {behaviour!r}; accepted: 'truncate', 'error'")
    length = sum(
        tokens.count(part) for part in ([prompt] if isinstance(prompt, str) else prompt) if isinstance(part, str)
    )
    if behaviour == "error" and length > profile.context:
        raise _too_long(length, profile)


def embeddings(request: dict[str, Any], profile: ModelProfile) -> None:
    """Checks an embeddings request.

    Raises:
        Refusal: 400.
    """
    _fields(request, "llm/v1/embeddings", profile)
    given = request.get("input")
    if given is None:
        raise invalid_parameter("INVALID_PARAMETER_VALUE: Missing required embeddings parameter: 'input'")
    if not isinstance(given, str | list) or given == []:
        raise bad_request("Bad request: parameter 'input' must be a string or a non-empty list of strings")
    if isinstance(given, list):
        for index, part in enumerate(given):
            if not isinstance(part, str | int | list) or isinstance(part, bool):
                raise bad_request(f"Bad request: parameter 'input[{index}]' must be a string, not {_kind(part)}")
        if profile.hosted and len(given) > 2048:
            raise bad_request(f"Bad request: parameter 'input' has {len(given)} entries; at most 2048 are accepted")
    encoding = request.get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise bad_request(f"Bad request: parameter 'encoding_format' is {encoding!r}; accepted: 'float', 'base64'")
    wanted = request.get("dimensions")
    if wanted is not None and profile.shortens and not (_is_whole(wanted) and 1 <= wanted <= profile.dimension):
        raise bad_request(f"Bad request: parameter 'dimensions' is {wanted!r}; accepted: 1 to {profile.dimension}")


def anthropic(request: dict[str, Any], profile: ModelProfile) -> None:
    """Checks a request for an Anthropic message.

    Raises:
        Refusal: 400.
    """
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise bad_request("messages: at least one message is required")
    if not _is_whole(request.get("max_tokens")) or request["max_tokens"] < 1:
        raise bad_request(
            "max_tokens: Field required" if "max_tokens" not in request else "max_tokens: must be at least 1"
        )
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise bad_request(f"messages.{index}.role: Input should be 'user' or 'assistant'")
    _between(request, "temperature", 0, 1)
    _claude(request, profile)
    if any(map(_has_empty_text, messages)):
        raise _told_by_claude("messages: text content blocks must be non-empty")
    _length([message.get("content") for message in messages], profile)


def responses(request: dict[str, Any], profile: ModelProfile) -> None:
    """Checks a request to the responses route or to a responses agent.

    Raises:
        Refusal: 400.
    """
    given = request.get("input")
    if given is None and "messages" in request:
        raise bad_request("Invalid request: 'messages' field is not supported. Please use 'input' field instead.")
    if given is None:
        raise invalid_parameter("Missing required Responses parameter: 'input'")
    if not isinstance(given, str | list) or given in ("", []):
        raise bad_request("Bad request: parameter 'input' must be a string or a non-empty list of items")
    for item in given if isinstance(given, list) else ():
        identifier = item.get("id") if isinstance(item, dict) else None
        if isinstance(identifier, str) and len(identifier) > 64:
            raise bad_request(
                f"Bad request: 'input[].id' is {len(identifier)} characters long; at most 64 are accepted"
            )
    _between(request, "temperature", 0, 2)
    _between(request, "top_p", 0, 1)
    if profile.family.name == "claude":
        _claude(request, profile)
    items = given if isinstance(given, list) else [{"content": given}]
    _length([item.get("content") for item in items if isinstance(item, dict)], profile)


_WITHOUT_TEMPERATURE = Expression(r"claude-(?:opus-4[-.][78]|opus-5|sonnet-5)(?![0-9])")
_DOCUMENTED = (
    "Please consult our documentation at "
    "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"
)


def _claude(request: dict[str, Any], profile: ModelProfile) -> None:
    """Refuses what Claude models refuse and others take."""
    if request.get("temperature") is not None and _WITHOUT_TEMPERATURE.search(profile.model):
        raise bad_request(f"BAD_REQUEST: Model {profile.model} does not support the temperature parameter.")
    thinking = request.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return
    limit = request.get("max_tokens")
    limit = request.get("max_completion_tokens") if limit is None else limit
    budget = thinking.get("budget_tokens")
    if isinstance(limit, int) and isinstance(budget, int) and budget >= limit:
        raise _told_by_claude(f"`max_tokens` must be greater than `thinking.budget_tokens`. {_DOCUMENTED}")


def _told_by_claude(message: str) -> Refusal:
    """A refusal of the provider's: the service passes its JSON on as the text of the message."""
    return bad_request(json.dumps({"message": message}, separators=(",", ":")))


def _is_tolerated(message: dict[str, Any]) -> bool:
    """Whether a message may be empty: one that calls tools has its text left out, and a result may be nothing."""
    return bool(message.get("tool_calls")) or message.get("role") == "tool"


def _has_empty_text(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if not isinstance(content, list):
        return content == ""
    return any(isinstance(block, dict) and block.get("type") == "text" and block.get("text") == "" for block in content)


def _length(contents: list[Any], profile: ModelProfile) -> None:
    """Refuses a prompt that is longer than the context of a hosted model. No text has more tokens than characters."""
    if not profile.hosted:
        return
    texts = [text_of(content) for content in contents]
    if sum(map(len, texts)) <= profile.context:
        return
    family = profile.family
    length = family.reply_overhead + sum(family.message_overhead + tokens.count(text) for text in texts)
    if length > profile.context:
        raise _too_long(length, profile)


def _too_long(length: int, profile: ModelProfile) -> Refusal:
    return bad_request(
        f"Bad request: rpc error: code = InvalidArgument desc = prompt token count ({length}) cannot exceed "
        f"{profile.context}. Please reduce the length of the prompt."
    )


def _fields(request: dict[str, Any], task: str, profile: ModelProfile) -> None:
    if not profile.hosted:
        return
    for field in request:
        if field not in FIELDS[task]:
            raise bad_request(f'Bad request: json: unknown field "{field}"')


def _message(index: int, message: Any) -> None:
    where = f"messages[{index}]"
    if not isinstance(message, dict):
        raise bad_request(f"Bad request: '{where}' must be an object, not {_kind(message)}")
    role = message.get("role")
    if role not in ROLES:
        raise bad_request(f"Bad request: '{where}.role' is {role!r}; accepted: {', '.join(map(repr, ROLES))}")
    content = message.get("content")
    if content is None and role != "assistant":
        raise bad_request(f"Bad request: '{where}.content' is required for role {role!r}")
    if content is not None and not isinstance(content, str | list):
        raise bad_request(
            "BAD_REQUEST: Unable to parse json body for request, field 'messages.content' expects input with "
            "json type "
            f"'string' but got '{_kind(content)}'"
        )
    if role == "tool" and not message.get("tool_call_id"):
        raise bad_request(f"Bad request: '{where}.tool_call_id' is required for role 'tool'")


def _sampling(request: dict[str, Any], profile: ModelProfile) -> None:
    for name, low, high in _RANGES:
        _between(request, name, low, high)
    for name, least, most in (*_COUNTS, ("n", 1, MOST_CHOICES[profile.hosted])):
        value = request.get(name)
        if value is not None and not (_is_whole(value) and least <= value <= most):
            raise bad_request(f"Bad request: parameter '{name}' is {value!r}; accepted: {least} to {most}")
    for name in ("max_tokens", "max_completion_tokens"):
        value = request.get(name)
        if value is not None and not (_is_whole(value) and value >= 1):
            raise bad_request(f"Bad request: parameter '{name}' is {value!r}; it must be a whole number of at least 1")
    stop = request.get("stop")
    if stop is not None and not isinstance(stop, str | list):
        raise bad_request(f"Bad request: parameter 'stop' must be a string or a list of strings, not {_kind(stop)}")


def _between(request: dict[str, Any], name: str, low: float, high: float) -> None:
    value = request.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise bad_request(f"Bad request: parameter '{name}' is {value!r}; accepted: {low:g} to {high:g}")


def _tools(request: dict[str, Any], profile: ModelProfile) -> None:
    tools = request.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        raise bad_request(f"Bad request: parameter 'tools' must be a list, not {_kind(tools)}")
    most = MOST_TOOLS[profile.hosted]
    if len(tools) > most:
        raise bad_request(f"Bad request: parameter 'tools' has {len(tools)} entries; at most {most} are accepted")
    names = [_tool_name(tool, profile) for tool in tools]
    choice = request.get("tool_choice")
    if isinstance(choice, str) and choice not in ("auto", "none", "required", "any"):
        raise bad_request(
            f"Bad request: parameter 'tool_choice' is {choice!r}; accepted: 'auto', 'none', 'required' or a function"
        )
    if isinstance(choice, dict) and choice.get("type") == "function":
        function = choice.get("function")
        wanted = function.get("name") if isinstance(function, dict) else choice.get("name")
        if wanted not in names:
            raise bad_request(f"Bad request: 'tool_choice' names the function {wanted!r}, which is not among 'tools'")


def _tool_name(tool: Any, profile: ModelProfile) -> str:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        raise bad_request('Bad request: "function" is a required property for an object in parameter "tools"')
    needed = ("name", "parameters") if profile.hosted else ("name",)
    for name in needed:
        if name not in function:
            raise bad_request(
                f'Bad request: "{name}" is a required property for "function" object in parameter "tools"'
            )
    return str(function["name"])


def _response_format(given: Any) -> None:
    if given is None:
        return
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise bad_request(
            f"Bad request: 'response_format.type' is {kind!r}; accepted: 'text', 'json_object', 'json_schema'"
        )
    named = given.get("json_schema")
    if kind == "json_schema" and not (isinstance(named, dict) and isinstance(named.get("schema"), dict)):
        raise bad_request("Bad request: 'response_format.json_schema.schema' is required for type 'json_schema'")


def wrong_task(task: str, expected: str, name: str) -> Refusal:
    """The refusal of a request on a route that the endpoint's task does not serve."""
    return bad_request(f"Bad request: endpoint '{name}' serves the task {task}, not {expected}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    """The JSON type of a value, as the service names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
