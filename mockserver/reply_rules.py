"""What a scripted reply is: when a rule matches, what it answers, and how people write both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from .errors import InjectedError
from .matching import JsonPath, difference, missing, shortened
from .messages import Json

MOST_TOKENS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool that the model makes. ``arguments`` is a JSON object; an ``id`` is invented when absent."""

    name: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """What a rule answers. Give one of ``text``, ``tool_calls`` (with or without text), ``json``, ``body``, ``error``.

    Args:
        text: the message of a chat, the text of a completion, the output text of a response.
        tool_calls: tools that the model calls.
        json: a structured value: the JSON text of a message, or the ``predictions`` of a custom model.
        body: the whole reply body, sent as it is and not checked against the contract.
        error: raise it instead of answering.
        chunks: how ``text`` is cut when it is streamed; joined they are the text.
        delay: seconds before the reply, or before the first chunk of a stream.
        chunk_delay: seconds between the chunks of a stream. Both are real seconds, on a frozen clock as well.
        finish_reason: instead of ``stop`` or ``tool_calls``.
        usage: members of the reply's usage that are to be these.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    json: Json = None
    body: Json = None
    error: InjectedError | None = None
    chunks: tuple[str, ...] | None = None
    delay: float = 0.0
    chunk_delay: float = 0.0
    finish_reason: str | None = None
    usage: Mapping[str, int] | None = None

    @property
    def content(self) -> str | None:
        """The text that is answered: ``text``, the chunks joined, or ``json`` written out; ``None`` for none."""
        if self.text is not None:
            return self.text
        if self.chunks is not None:
            return "".join(self.chunks)
        if self.json is not None:
            import orjson

            return orjson.dumps(self.json).decode()
        return None

    def check(self) -> None:
        """Raises ValueError when it cannot be answered."""
        for name, count in (self.usage or {}).items():
            if type(count) is not int or not 0 <= count <= MOST_TOKENS:
                raise ValueError(f"usage {name} is {count!r}: a count of tokens is a whole number up to {MOST_TOKENS}")

    def to_json(self) -> Json:
        """The mapping that ``scripted`` makes this reply of."""
        written = {spec.name: value for spec in fields(self) if (value := getattr(self, spec.name)) != spec.default}
        if self.tool_calls:
            written["tool_calls"] = [{"name": c.name, "arguments": c.arguments, "id": c.id} for c in self.tool_calls]
        if self.error is not None:
            written["error"] = {
                "status": self.error.status,
                "error_code": self.error.code,
                "message": self.error.message,
                "headers": self.error.headers,
                "body": self.error.injected_body,
            }
        return written


Answer = ScriptedReply | str | Mapping[str, Json] | Exception
"""What may be scripted: a reply, its text, its fields by name, or an error to raise."""


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """When to answer and what. Every condition that is given must hold.

    Args:
        answers: one after the other; the last one stays.
        endpoint: the endpoint's name, ``*`` and ``?`` allowed; ``None`` for every endpoint.
        exact: the whole request body.
        contains: a part of the request body: members of objects, and of lists each item in its place.
        last_message: a regular expression searched in the text of the last message (or input, or prompt).
        jsonpath: values by path, such as ``{"$.messages[0].role": "system", "$.tools[*].function.name": "f"}``; one of
            the values found must be equal.
        when: a Python callable that is given the body and returns whether the rule matches (in process only).
        times: how often the rule answers; ``None`` for ever.
    """

    answers: tuple[ScriptedReply | Callable[[Json], Answer], ...]
    endpoint: str | None = None
    exact: Json = None
    contains: Json = None
    last_message: str | None = None
    jsonpath: Mapping[str, Json] | None = None
    when: Callable[[Json], bool] | None = None
    times: int | None = None
    id: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the rule can be written down: it has no Python functions."""
        return self.when is None and all(isinstance(answer, ScriptedReply) for answer in self.answers)

    def to_json(self) -> Json:
        """The rule as ``from_json`` reads it.

        Raises:
            TypeError: it has Python functions.
        """
        plain = [answer for answer in self.answers if isinstance(answer, ScriptedReply)]
        if not self.is_plain:
            raise TypeError("a rule with Python functions cannot be written down")
        written = {spec.name: value for spec in fields(self) if (value := getattr(self, spec.name)) != spec.default}
        return {**written, "answers": [answer.to_json() for answer in plain]}

    @classmethod
    def from_json(cls, value: Json) -> ReplyRule:
        """The rule that was written down."""
        return rule(value["answers"], **{name: part for name, part in value.items() if name != "answers"})

    def check(self) -> None:
        """Raises ValueError when the rule cannot work."""
        if not self.answers:
            raise ValueError("a scripted reply needs at least one answer")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times is {self.times}: a rule answers at least once")
        if self.last_message is not None:
            try:
                re.compile(self.last_message)
            except re.error as problem:
                raise ValueError(f"last_message {self.last_message!r} is not a regular expression: {problem}") from None
        for path in self.jsonpath or {}:
            JsonPath(path)
        for answer in self.answers:
            if isinstance(answer, ScriptedReply):
                answer.check()

    def mismatch(self, endpoint: str, body: Json) -> tuple[int, str] | None:
        """``None`` when the rule matches; otherwise how many conditions held, and the first that did not, in words."""
        checks = (self._wrong_endpoint, self._wrong_body, self._wrong_text, self._wrong_values, self._wrong_call)
        for held, check in enumerate(checks):
            problem = check(endpoint, body)
            if problem is not None:
                return held, problem
        return None

    def _wrong_endpoint(self, endpoint: str, body: Json) -> str | None:
        if self.endpoint is None or fnmatchcase(endpoint, self.endpoint):
            return None
        return f"it is for endpoint '{self.endpoint}', not '{endpoint}'"

    def _wrong_body(self, endpoint: str, body: Json) -> str | None:
        if self.exact is not None and self.exact != body:
            return f"the body differs: {difference(self.exact, body)}"
        absent = missing(self.contains, body) if self.contains is not None else None
        return None if absent is None else f"the body does not contain it: {absent}"

    def _wrong_text(self, endpoint: str, body: Json) -> str | None:
        if self.last_message is None:
            return None
        text = last_text(body)
        if text is None:
            return "the request has no message whose text could match"
        if re.search(self.last_message, text):
            return None
        return f"the last message {shortened(text)} does not match /{self.last_message}/"

    def _wrong_values(self, endpoint: str, body: Json) -> str | None:
        for path, expected in (self.jsonpath or {}).items():
            found = JsonPath(path).values(body)
            if expected not in found:
                shown = ", ".join(shortened(value) for value in found[:3]) or "nothing"
                return f"{path} is {shown}, not {shortened(expected)}"
        return None

    def _wrong_call(self, endpoint: str, body: Json) -> str | None:
        if self.when is None or self.when(body):
            return None
        return f"the callable {getattr(self.when, '__name__', repr(self.when))} said no"

    def describe(self) -> str:
        """The rule's conditions in one line."""
        parts = [f"endpoint '{self.endpoint}'" if self.endpoint else "any endpoint"]
        parts += [f"body {shortened(self.exact)}"] if self.exact is not None else []
        parts += [f"containing {shortened(self.contains)}"] if self.contains is not None else []
        parts += [f"last message /{self.last_message}/"] if self.last_message is not None else []
        parts += [f"{path} = {shortened(value)}" for path, value in (self.jsonpath or {}).items()]
        parts += ["a callable"] if self.when is not None else []
        return ", ".join(parts)


def rule(
    answer: Answer | Callable[[Json], Answer] | Sequence[Answer | Callable[[Json], Answer]], **conditions: Any
) -> ReplyRule:
    """A rule from what people write: one answer or a sequence of them, and the conditions of ``ReplyRule``.

    Raises:
        ValueError: an answer or a condition cannot be understood.
    """
    answers = answer if isinstance(answer, Sequence) and not isinstance(answer, str) else [answer]
    unknown = conditions.keys() - {spec.name for spec in fields(ReplyRule)}
    if unknown:
        accepted = ", ".join(spec.name for spec in fields(ReplyRule) if spec.name not in ("answers", "id"))
        raise ValueError(f"unknown condition {', '.join(sorted(unknown))}: there are {accepted}")
    return ReplyRule(tuple(one if callable(one) else scripted(one) for one in answers), **conditions)


def scripted(answer: Answer) -> ScriptedReply:
    """An answer in the long form. Raises ValueError when it cannot be understood."""
    if isinstance(answer, ScriptedReply):
        return answer
    if isinstance(answer, str):
        return ScriptedReply(text=answer)
    if isinstance(answer, InjectedError):
        return ScriptedReply(error=answer)
    if not isinstance(answer, Mapping):
        raise ValueError(f"{shortened(repr(answer))} is not a scripted reply: give a text, a mapping or ScriptedReply")
    names = [spec.name for spec in fields(ScriptedReply)]
    unknown = sorted(answer.keys() - set(names))
    if unknown:
        raise ValueError(f"unknown part of a scripted reply: {', '.join(unknown)}; there are {', '.join(names)}")
    values = dict(answer)
    values["tool_calls"] = tuple(
        call if isinstance(call, ToolCall) else ToolCall(**call) for call in values.get("tool_calls") or ()
    )
    if values.get("chunks") is not None:
        values["chunks"] = tuple(values["chunks"])
    if isinstance(values.get("error"), Mapping):
        values["error"] = InjectedError(**values["error"])
    return ScriptedReply(**values)


def last_text(body: Json) -> str | None:
    """The text of the last message, or of the input or prompt; ``None`` when the request has none."""
    if not isinstance(body, Mapping):
        return None
    for name in ("messages", "input", "prompt", "contents"):
        value = body.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value:
            last = value[-1]
            if isinstance(last, Mapping):
                return _text(last.get("parts" if name == "contents" else "content"))
            return last if isinstance(last, str) else None
    return None


def _text(content: Json) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
