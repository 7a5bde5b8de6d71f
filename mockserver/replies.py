"""Scripted replies: what a test wants an endpoint to answer, matched by endpoint and request.

The handlers of queries ask once per request::

    scripted = call.mock.replies.find(call.workspace, endpoint_name, call.body)
    if scripted is not None:
        if scripted.error is not None:
            raise scripted.error          # core answers it as it is
        ...                               # render text, tool_calls, json or body in the shape of the endpoint's task

Asking uses up a turn of a sequence, so ask only once. Of the rules that match, the newest answers; a rule that is used
up lets the next older one answer.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from .errors import InjectedError
from .matching import JsonPath, difference, missing, shortened
from .messages import Json

MOST_RULES = 10_000
"""Rules that one workspace may hold; more is a test that forgets to clear up."""


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


@dataclass(slots=True)
class _Installed:
    rule: ReplyRule
    used: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.used >= self.rule.times


class Replies:
    """The scripted replies of every workspace."""

    def __init__(self) -> None:
        self._rules: dict[str, list[_Installed]] = {}
        self._strict: set[str] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def installed(self) -> bool:
        """Whether any workspace has scripted replies."""
        return bool(self._rules)

    def add(self, workspace: str, rule: ReplyRule) -> ReplyRule:
        """Install a rule; returned with its id. Raises ValueError when it cannot work."""
        _check(rule)
        rule = replace(rule, id=rule.id or f"reply-{next(self._numbers)}")
        with self._lock:
            rules = self._rules.setdefault(workspace, [])
            if len(rules) >= MOST_RULES:
                raise ValueError(f"the workspace already has {MOST_RULES} scripted replies: clear some first")
            rules.append(_Installed(rule))
        return rule

    def find(self, workspace: str, endpoint: str, body: Json) -> ScriptedReply | None:
        """The reply scripted for this request, ``None`` when the generated answer is to be given.

        Raises:
            InjectedError: nothing matches and the workspace is strict; the message shows the nearest rule.
        """
        rules = self._rules.get(workspace)
        if not rules and workspace not in self._strict:
            return None
        misses: list[tuple[int, str, ReplyRule]] = []
        for installed in reversed(rules or []):
            miss = installed.rule.mismatch(endpoint, body)
            if miss is not None:
                misses.append((*miss, installed.rule))
                continue
            turn = self._turn(installed)
            if turn is not None:
                return _answer(installed.rule.answers[min(turn, len(installed.rule.answers) - 1)], body)
            misses.append((99, f"it was to answer {installed.rule.times} times and has done so", installed.rule))
        if workspace in self._strict:
            raise InjectedError(400, "BAD_REQUEST", _unmatched(endpoint, body, misses))
        return None

    def _turn(self, installed: _Installed) -> int | None:
        with self._lock:
            if installed.spent:
                return None
            installed.used += 1
            return installed.used - 1

    def strict(self, workspace: str, on: bool = True) -> None:
        """Whether a request that no rule matches is refused instead of being given a generated answer."""
        with self._lock:
            (self._strict.add if on else self._strict.discard)(workspace)

    def is_strict(self, workspace: str) -> bool:
        """Whether unmatched requests are refused."""
        return workspace in self._strict

    def rules(self, workspace: str) -> list[tuple[ReplyRule, int]]:
        """The rules in the order in which they were added, each with how often it has answered."""
        return [(installed.rule, installed.used) for installed in list(self._rules.get(workspace, ()))]

    def remove(self, workspace: str, rule_id: str) -> bool:
        """Take one rule away; whether it was there."""
        with self._lock:
            rules = self._rules.get(workspace, [])
            kept = [installed for installed in rules if installed.rule.id != rule_id]
            if len(kept) == len(rules):
                return False
            self._rules[workspace] = kept
        return True

    def clear(self, workspace: str) -> None:
        """Forget the rules of one workspace."""
        with self._lock:
            self._rules.pop(workspace, None)
            self._strict.discard(workspace)


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
    for name in ("messages", "input", "prompt"):
        value = body.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value:
            last = value[-1]
            return last if isinstance(last, str) else _text(last.get("content")) if isinstance(last, Mapping) else None
    return None


def _text(content: Json) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))


def _answer(answer: ScriptedReply | Callable[[Json], Answer], body: Json) -> ScriptedReply:
    return answer if isinstance(answer, ScriptedReply) else scripted(answer(body))


def _check(rule: ReplyRule) -> None:
    if not rule.answers:
        raise ValueError("a scripted reply needs at least one answer")
    if rule.times is not None and rule.times < 1:
        raise ValueError(f"times is {rule.times}: a rule answers at least once")
    if rule.last_message is not None:
        try:
            re.compile(rule.last_message)
        except re.error as problem:
            raise ValueError(f"last_message {rule.last_message!r} is not a regular expression: {problem}") from None
    for path in rule.jsonpath or {}:
        JsonPath(path)


def _unmatched(endpoint: str, body: Json, misses: Sequence[tuple[int, str, ReplyRule]]) -> str:
    start = f"No scripted reply matches this request to endpoint '{endpoint}': {shortened(body, 300)}."
    if not misses:
        return f"{start} There are no scripted replies in this workspace."
    _, problem, nearest = max(misses, key=lambda miss: miss[0])
    return f"{start} The nearest is {nearest.id} ({nearest.describe()}), but {problem}."
