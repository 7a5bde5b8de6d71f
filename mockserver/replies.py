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

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import Any

from .errors import InjectedError
from .matching import JsonPath, difference, missing, shortened
from .messages import Json
from .store import MemoryStore, Store

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
        if not self.is_plain:
            raise TypeError("a rule with Python functions cannot be written down")
        written = {spec.name: value for spec in fields(self) if (value := getattr(self, spec.name)) != spec.default}
        return {**written, "answers": [answer.to_json() for answer in self.answers]}  # type: ignore[union-attr]  # plain

    @classmethod
    def from_json(cls, value: Json) -> ReplyRule:
        """The rule that was written down."""
        return rule(value["answers"], **{name: part for name, part in value.items() if name != "answers"})

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


@dataclass(frozen=True, slots=True)
class Strict:
    """Says, by being there, that unmatched requests are refused."""


@dataclass(slots=True)
class Scripts:
    """How many rules a workspace was given."""

    added: int = 0


@dataclass(slots=True)
class Used:
    """How often a rule has answered."""

    count: int = 0


class Replies:
    """The scripted replies of every workspace. Rules with Python functions are this process's own."""

    def __init__(self, store: Store | None = None) -> None:
        self._store, self._own = store or MemoryStore(), MemoryStore()
        self._scripts = self._store.documents(Scripts)
        self._used = self._store.documents(Used)
        self._installed: set[str] = set()
        self._lock = threading.Lock()

    @property
    def installed(self) -> bool:
        """Whether this process has scripted replies for any workspace."""
        return bool(self._installed)

    def add(self, workspace: str, rule: ReplyRule) -> ReplyRule:
        """Install a rule; returned with its id. Raises ValueError when it cannot work."""
        _check(rule)
        with self._lock:
            self._installed.add(workspace)
        with self._scripts.changing(workspace, "") as scripts:
            scripts.added += 1
            number = scripts.added
        rule = replace(rule, id=rule.id or f"reply-{number}")
        with (self._store if rule.is_plain else self._own).transaction(workspace) as transaction:
            if len(transaction.all(ReplyRule)) >= MOST_RULES:
                raise ValueError(f"the workspace already has {MOST_RULES} scripted replies: clear some first")
            transaction.put(str(number), rule)
        return rule

    def find(self, workspace: str, endpoint: str, body: Json) -> ScriptedReply | None:
        """The reply scripted for this request, ``None`` when the generated answer is to be given.

        Raises:
            InjectedError: nothing matches and the workspace is strict; the message shows the nearest rule.
        """
        rules, strict = self._rules(workspace), self.is_strict(workspace)
        if not rules and not strict:
            return None
        misses: list[tuple[int, str, ReplyRule]] = []
        for key, rule in reversed(rules):
            miss = rule.mismatch(endpoint, body)
            if miss is not None:
                misses.append((*miss, rule))
                continue
            turn = self._turn(workspace, key, rule)
            if turn is not None:
                return _answer(rule.answers[min(turn, len(rule.answers) - 1)], body)
            misses.append((99, f"it was to answer {rule.times} times and has done so", rule))
        if strict:
            raise InjectedError(400, "BAD_REQUEST", _unmatched(endpoint, body, misses))
        return None

    def _rules(self, workspace: str) -> list[tuple[str, ReplyRule]]:
        """The rules by their numbers, in the order in which they were added."""
        shared, own = self._store.items(ReplyRule, workspace), self._own.items(ReplyRule, workspace)
        return sorted([*shared, *own], key=lambda item: int(item[0])) if own else shared

    def _turn(self, workspace: str, key: str, rule: ReplyRule) -> int | None:
        with self._used.changing(workspace, key) as used:
            if rule.times is not None and used.count >= rule.times:
                return None
            used.count += 1
            return used.count - 1

    def strict(self, workspace: str, on: bool = True) -> None:
        """Whether a request that no rule matches is refused instead of being given a generated answer."""
        if on == self.is_strict(workspace):
            return
        with self._store.transaction(workspace) as transaction:
            if on:
                transaction.put("", Strict())
            else:
                transaction.delete(Strict, "")

    def is_strict(self, workspace: str) -> bool:
        """Whether unmatched requests are refused."""
        return self._store.get(Strict, workspace, "") is not None

    def rules(self, workspace: str) -> list[tuple[ReplyRule, int]]:
        """The rules in the order in which they were added, each with how often it has answered."""
        found = [(rule, self._used.read(workspace, key)) for key, rule in self._rules(workspace)]
        return [(rule, used.count if used else 0) for rule, used in found]

    def remove(self, workspace: str, rule_id: str) -> bool:
        """Take one rule away; whether it was there."""
        return self._remove(workspace, rule_id) > 0

    def clear(self, workspace: str) -> None:
        """Forget the rules of one workspace."""
        self._remove(workspace, None)
        self.strict(workspace, False)
        self._scripts.clear(workspace)
        self._used.clear(workspace)
        with self._lock:
            self._installed.discard(workspace)

    def _remove(self, workspace: str, rule_id: str | None) -> int:
        """Take away the rules of this id, or all of them; how many there were."""
        stores: tuple[Store, ...] = (self._store, self._own)
        removed = 0
        for store in stores:
            keys = [key for key, rule in store.items(ReplyRule, workspace) if rule_id in (None, rule.id)]
            if keys:
                with store.transaction(workspace) as transaction:
                    for key in keys:
                        transaction.delete(ReplyRule, key)
            removed += len(keys)
        return removed


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
