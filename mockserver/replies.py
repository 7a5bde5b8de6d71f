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

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .errors import InjectedError
from .matching import shortened
from .memory_store import MemoryStore
from .messages import Json
from .reply_rules import Answer, ReplyRule, ScriptedReply, ToolCall, last_text, rule, scripted
from .store import Store

__all__ = ["Answer", "Replies", "ReplyRule", "ScriptedReply", "ToolCall", "last_text", "rule", "scripted"]

MOST_RULES = 10_000
"""Rules that one workspace may hold; more is a test that forgets to clear up."""


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
        self.installed: set[str] = set()
        """The workspaces for which this process has scripted replies."""
        self._lock = threading.Lock()

    def add(self, workspace: str, rule: ReplyRule) -> ReplyRule:
        """Install a rule; returned with its id. Raises ValueError when it cannot work."""
        rule.check()
        with self._lock:
            self.installed.add(workspace)
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
        for key, known in reversed(rules):
            miss = known.mismatch(endpoint, body)
            if miss is not None:
                misses.append((*miss, known))
                continue
            turn = self._turn(workspace, key, known)
            if turn is not None:
                return _answer(known.answers[min(turn, len(known.answers) - 1)], body)
            misses.append((99, f"it was to answer {known.times} times and has done so", known))
        if strict:
            raise InjectedError(400, "BAD_REQUEST", _unmatched(endpoint, body, misses))
        return None

    def _rules(self, workspace: str) -> list[tuple[str, ReplyRule]]:
        """The rules by their numbers, in the order in which they were added."""
        shared = self._store.items(ReplyRule, workspace)
        own = self._own.items(ReplyRule, workspace) if workspace in self.installed else ()
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
            self.installed.discard(workspace)

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


def _answer(answer: ScriptedReply | Callable[[Json], Answer], body: Json) -> ScriptedReply:
    return answer if isinstance(answer, ScriptedReply) else scripted(answer(body))


def _unmatched(endpoint: str, body: Json, misses: Sequence[tuple[int, str, ReplyRule]]) -> str:
    start = f"No scripted reply matches this request to endpoint '{endpoint}': {shortened(body, 300)}."
    if not misses:
        return f"{start} There are no scripted replies in this workspace."
    _, problem, nearest = max(misses, key=lambda miss: miss[0])
    return f"{start} The nearest is {nearest.id} ({nearest.describe()}), but {problem}."
