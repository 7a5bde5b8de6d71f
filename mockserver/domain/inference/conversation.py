"""What a model is asked, whichever protocol it was asked in: messages, tools and the form the answer must have."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

Json = Any
Form = Literal["text", "json", "schema"]

_REMEMBERED = 100
"""Findings that are kept with the conversation that they are about."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, by the model (to be answered) or in the history. ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str

    @property
    def given(self) -> Any:
        """The arguments as a value; an empty object where the limit of tokens cut them off."""
        try:
            return json.loads(self.arguments)
        except ValueError:
            return {}


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``call_id`` names the call that a tool's result answers."""

    role: str
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    images: int = 0


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call; ``parameters`` is its JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request, normalised. ``choice`` is ``auto``, ``none``, ``required`` or the name of the tool to call.

    What is found out about it is kept in ``known``, for the next time that the same is asked.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    parallel: bool = True
    form: Form = "text"
    schema: Json = None
    effort: str = ""
    thinking: bool = False
    known: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def remember(self, key: Any, value: Any) -> None:
        """Keep what was found out in ``known``, as long as there is room."""
        if len(self.known) < _REMEMBERED:
            self.known[key] = value

    @property
    def system(self) -> str:
        """The system prompts, joined."""
        return "\n".join([m.text for m in self.messages if m.role in ("system", "developer")])

    @property
    def asked(self) -> str:
        """What the user said last."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""

    @property
    def results(self) -> tuple[Message, ...]:
        """The tools' results that the model has not answered yet, in order."""
        trailing: list[Message] = []
        for message in reversed(self.messages):
            if message.role != "tool":
                break
            trailing.append(message)
        return tuple(reversed(trailing))

    @property
    def answered(self) -> frozenset[str]:
        """The names of the tools whose results have come since the user last spoke."""
        since = list(takewhile(lambda message: message.role != "user", reversed(self.messages)))
        results = {message.call_id for message in since if message.role == "tool"}
        return frozenset(call.name for message in since for call in message.calls if call.id in results)

    def call_of(self, result: Message) -> ToolCall | None:
        """The call that a tool's result answers."""
        calls = (call for message in self.messages for call in message.calls)
        return next((call for call in calls if call.id == result.call_id), None)


def text_of(content: Json) -> str:
    """The text of a message's content: a string, or the text items of a list of blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else json.dumps(content, ensure_ascii=False)
    parts = [item if isinstance(item, str) else _text_of_block(item) for item in content]
    return "\n".join(part for part in parts if part)


def _text_of_block(block: Json) -> str:
    if not isinstance(block, dict):
        return ""
    if block.get("type") in ("reasoning", "thinking", "redacted_thinking"):
        return ""
    text = block.get("text")
    if isinstance(text, str):
        return text
    if "json" in block:
        return json.dumps(block["json"], ensure_ascii=False)
    return text_of(block["content"]) if "content" in block else ""


def _images(content: Json) -> int:
    if not isinstance(content, list):
        return 0
    return sum(isinstance(block, dict) and "image" in str(block.get("type")) for block in content)


def from_chat(request: dict[str, Any]) -> Conversation:
    """The conversation of a chat request (OpenAI's form, which agents share)."""
    messages = []
    for message in request.get("messages") or ():
        calls = _calls(message["tool_calls"]) if message.get("tool_calls") else ()
        content = message.get("content")
        call_id = str(message.get("tool_call_id") or "")
        messages.append(Message(message["role"], text_of(content), calls, call_id, _images(content)))
    form, schema = _form(request.get("response_format"))
    return Conversation(
        messages=tuple(messages),
        tools=tuple(map(_tool, _functions(request.get("tools")))),
        choice=_choice(request.get("tool_choice")),
        parallel=request.get("parallel_tool_calls") is not False,
        form=form,
        schema=schema,
        effort=str(request.get("reasoning_effort") or ""),
        thinking=_thinks(request.get("thinking")) or request.get("reasoning_effort") in ("low", "medium", "high"),
    )


def _calls(given: list[dict[str, Any]]) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(str(call.get("id", "")), call["function"].get("name", ""), call["function"].get("arguments", ""))
        for call in given
        if isinstance(call.get("function"), dict)
    )


def _functions(given: Json) -> list[dict[str, Any]]:
    """The functions on offer. A chat agent may be sent anything here, as its form has no such member."""
    tools = given if isinstance(given, list) else []
    return [tool["function"] for tool in tools if isinstance(tool, dict) and isinstance(tool.get("function"), dict)]


def _tool(function: dict[str, Any], schema_key: str = "parameters") -> Tool:
    parameters = function.get(schema_key)
    description = str(function.get("description") or "")
    return Tool(str(function.get("name", "")), description, parameters if isinstance(parameters, dict) else {})


def _form(given: Json) -> tuple[Form, Json]:
    if not isinstance(given, dict):
        return "text", None
    if given.get("type") == "json_object":
        return "json", None
    if given.get("type") == "json_schema":
        named = given.get("json_schema")
        return "schema", named.get("schema", {}) if isinstance(named, dict) else given.get("schema", {})
    return "text", None


def _choice(given: Json) -> str:
    """``auto``, ``none``, ``required`` or a tool's name, from any protocol's form of tool_choice."""
    if isinstance(given, str):
        return "required" if given == "any" else given
    if not isinstance(given, dict):
        return "auto"
    function = given.get("function")
    name = function.get("name") if isinstance(function, dict) else given.get("name")
    if name:
        return str(name)
    return _choice(given.get("mode") or given.get("type") or "auto")


def _thinks(given: Json) -> bool:
    return isinstance(given, dict) and given.get("type") in ("enabled", "adaptive")


def from_messages(request: dict[str, Any]) -> Conversation:
    """The conversation of a request to Anthropic's messages route."""
    messages = [Message("system", text_of(request["system"]))] if request.get("system") else []
    for message in request.get("messages") or ():
        content = message.get("content")
        blocks = content if isinstance(content, list) else []
        results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
        messages += [
            Message("tool", text_of(block.get("content")), call_id=str(block.get("tool_use_id"))) for block in results
        ]
        calls = tuple(
            ToolCall(str(block.get("id")), str(block.get("name")), json.dumps(block.get("input") or {}))
            for block in blocks
            if isinstance(block, dict) and block.get("type") == "tool_use"
        )
        text = text_of([block for block in blocks if block not in results] if blocks else content)
        if text or calls or not results:
            messages.append(Message(message["role"], text, calls, images=_images(content)))
    given = request.get("tool_choice")
    output = request.get("output_format") or (request.get("output_config") or {}).get("format")
    form, schema = _form(output)
    return Conversation(
        messages=tuple(messages),
        tools=tuple(_tool(tool, "input_schema") for tool in request.get("tools") or () if "input_schema" in tool),
        choice=_choice(given),
        parallel=not (isinstance(given, dict) and given.get("disable_parallel_tool_use")),
        form=form,
        schema=schema,
        thinking=_thinks(request.get("thinking")),
    )


def from_contents(request: dict[str, Any]) -> Conversation:
    """The conversation of a request in Gemini's form.

    Its calls may go without an id: then the results of a function answer its calls in the order in which they came.
    """
    instruction = request.get("systemInstruction") or {}
    messages = [Message("system", _text_of_parts(instruction["parts"]))] if instruction.get("parts") else []
    called, answered = Counter[str](), Counter[str]()
    for content in request.get("contents") or ():
        parts, calls, results = content["parts"], [], []
        for part in parts:
            if "functionCall" in part:
                call = part["functionCall"]
                arguments = json.dumps(call.get("args") or {}, ensure_ascii=False)
                calls.append(ToolCall(_id_of(call, called), call["name"], arguments))
            if "functionResponse" in part:
                result = part["functionResponse"]
                said = json.dumps(result.get("response") or {}, ensure_ascii=False)
                results.append(Message("tool", said, call_id=_id_of(result, answered)))
        messages += results
        text = _text_of_parts(parts)
        if text or calls or not results:
            role = "assistant" if content.get("role") == "model" else "user"
            messages.append(Message(role, text, tuple(calls), images=sum(map(_shows_image, parts))))
    config = request.get("generationConfig") or {}
    schema = config.get("responseJsonSchema") or json_schema(config.get("responseSchema"))
    form: Form = "text" if config.get("responseMimeType") != "application/json" else "json" if not schema else "schema"
    calling = (request.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = calling.get("allowedFunctionNames") or ()
    thinking = config.get("thinkingConfig") or {}
    return Conversation(
        messages=tuple(messages),
        tools=tuple(
            Tool(function["name"], function.get("description") or "", _parameters(function))
            for tool in request.get("tools") or ()
            for function in tool.get("functionDeclarations") or ()
            if not allowed or function["name"] in allowed
        ),
        choice={"ANY": "required", "NONE": "none"}.get(calling.get("mode") or "", "auto"),
        form=form,
        schema=schema if form == "schema" else None,
        thinking=bool(thinking.get("includeThoughts") or thinking.get("thinkingBudget")),
    )


def _id_of(part: dict[str, Any], seen: Counter[str]) -> str:
    seen[part["name"]] += 1
    return str(part.get("id") or f"{part['name']}/{seen[part['name']]}")


def _text_of_parts(parts: list[dict[str, Any]]) -> str:
    return "\n".join([part["text"] for part in parts if part.get("text") and not part.get("thought")])


def _shows_image(part: dict[str, Any]) -> bool:
    data = part.get("inlineData") or part.get("fileData") or {}
    return str(data.get("mimeType")).startswith("image/")


def _parameters(function: dict[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = function.get("parametersJsonSchema") or json_schema(function.get("parameters")) or {}
    return parameters


def json_schema(given: Json) -> Json:
    """Google's kind of schema, with types in capitals and ``nullable``, as a JSON Schema."""
    if not isinstance(given, dict):
        return given
    schema = {name: value for name, value in given.items() if name not in ("nullable", "propertyOrdering", "format")}
    if isinstance(schema.get("type"), str):
        kind = schema["type"].lower()
        schema["type"] = [kind, "null"] if given.get("nullable") else kind
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {name: json_schema(value) for name, value in schema["properties"].items()}
    if "items" in schema:
        schema["items"] = json_schema(schema["items"])
    if isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [json_schema(option) for option in schema["anyOf"]]
    for name in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"):
        if isinstance(schema.get(name), str) and schema[name].isdecimal():  # 64-bit numbers are texts in Google's JSON
            schema[name] = int(schema[name])
    return schema


def from_responses(request: dict[str, Any]) -> Conversation:
    """The conversation of a request to the responses route or to a responses agent."""
    messages: list[Message | None] = []
    if request.get("instructions"):
        messages.append(Message("system", str(request["instructions"])))
    given = request.get("input")
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given or ():
        messages.append(_message_of_item(item))
    text = request.get("text")
    form, schema = _form(text.get("format") if isinstance(text, dict) else None)
    reasoning = request.get("reasoning")
    effort = str(reasoning.get("effort") or "") if isinstance(reasoning, dict) else ""
    return Conversation(
        messages=tuple(message for message in messages if message is not None),
        tools=tuple(_tool(tool) for tool in request.get("tools") or () if tool.get("type") == "function"),
        choice=_choice(request.get("tool_choice")),
        parallel=request.get("parallel_tool_calls") is not False,
        form=form,
        schema=schema,
        effort=effort,
        thinking=effort in ("low", "medium", "high"),
    )


def _message_of_item(item: Json) -> Message | None:
    if not isinstance(item, dict):
        return Message("user", str(item))
    kind = item.get("type", "message")
    if kind == "function_call":
        call = ToolCall(str(item.get("call_id")), str(item.get("name")), str(item.get("arguments") or "{}"))
        return Message("assistant", "", (call,))
    if kind == "function_call_output":
        return Message("tool", text_of(item.get("output")), call_id=str(item.get("call_id")))
    if kind == "message" or "role" in item:
        content = item.get("content")
        return Message(str(item.get("role", "user")), text_of(content), images=_images(content))
    return None
