"""Text that matches a regular expression: a small generator for the expressions found in JSON Schemas."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from random import Random

_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_WORD = _LOWER + _UPPER + _DIGITS + "_"
_PRINTABLE = "".join(map(chr, range(32, 127)))
_CLASSES = {
    "d": _DIGITS,
    "w": _WORD,
    "s": " ",
    "D": "".join(sign for sign in _PRINTABLE if sign not in _DIGITS),
    "W": "".join(sign for sign in _PRINTABLE if sign not in _WORD),
    "S": _PRINTABLE[1:],
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_PROPERTIES = {"L": _LOWER + _UPPER, "Lu": _UPPER, "Ll": _LOWER, "N": _DIGITS, "Nd": _DIGITS, "P": ".,;:!?-", "Z": " "}
_LONGEST = 20_000
"""Repetitions in one text, after which no text is written."""

_PREFERRED = _LOWER + _UPPER + _DIGITS

Write = Callable[[Random, "_State"], str]


class PatternError(ValueError):
    """The expression uses something the generator does not know."""


class _State:
    """What one run of a generator remembers: captured groups, and how generous repetitions are."""

    def __init__(self, generosity: int, full: bool = False) -> None:
        self.generosity = generosity
        self.full = full
        self.groups: dict[str, str] = {}
        self.left = _LONGEST


def matching(pattern: str, rng: Random, minimum: int = 0, maximum: int | None = None) -> str | None:
    """A text in which ``pattern`` is found and whose length lies within the bounds; None if none was hit upon."""
    try:
        write, anchored = _compiled(pattern)
        check = re.compile(_python_form(pattern))
    except (PatternError, re.error, RecursionError):
        return None
    for attempt in range(60):
        try:
            text = write(rng, _State((6, 4, 12, minimum or 4, 2, 1)[attempt % 6], full=attempt % 6 == 3))
        except PatternError:
            return None
        if len(text) < minimum and not anchored:
            text += "".join(rng.choice(_LOWER) for _ in range(minimum - len(text)))
        if len(text) >= minimum and (maximum is None or len(text) <= maximum) and check.search(text):
            return text
    return None


def _python_form(pattern: str) -> str:
    """The ECMAScript expression as Python writes it, for the last check."""
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    pattern = re.sub(r"\\k<(\w+)>", r"(?P=\1)", pattern)
    pattern = re.sub(r"(?<!\\)\$$", r"\\Z", pattern)
    return re.sub(r"\\p\{(\w+)\}", lambda match: f"[{re.escape(_PROPERTIES.get(match[1], _LOWER))}]", pattern)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[Write, bool]:
    """The expression as a function, and whether it is anchored at its end (or start) so that nothing may be added."""
    parser = _Parser(pattern)
    write = parser.alternatives()
    if parser.at != len(pattern):
        raise PatternError(f"unbalanced {pattern[parser.at :]!r}")
    return write, pattern.endswith("$") and not pattern.endswith("\\$")


class _Parser:
    """A recursive-descent reader of regular expressions that turns each part into a function writing a match."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.opened = 0

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        sign = self.peek()
        if not sign:
            raise PatternError("the expression ends too early")
        self.at += 1
        return sign

    def accept(self, text: str) -> bool:
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def alternatives(self) -> Write:
        options = [self.sequence()]
        while self.accept("|"):
            options.append(self.sequence())
        if len(options) == 1:
            return options[0]
        return lambda rng, state: rng.choice(options)(rng, state)

    def sequence(self) -> Write:
        parts: list[Write] = []
        while self.peek() and self.peek() not in "|)":
            parts.append(self.repeated(self.atom()))
        return lambda rng, state: "".join([part(rng, state) for part in parts])

    def atom(self) -> Write:
        sign = self.take()
        if sign in "^$":
            return _nothing
        if sign == "(":
            return self.group()
        if sign == "[":
            return _one_of(self.character_class())
        if sign == ".":
            return _one_of(_PREFERRED)
        if sign == "\\":
            return self.escape()
        return lambda rng, state: sign

    def group(self) -> Write:
        for look in ("?=", "?!", "?<=", "?<!"):
            if self.accept(look):
                self.alternatives()
                self.close()
                return _nothing
        name = ""
        if not self.accept("?:"):
            if self.accept("?<") or self.accept("?P<"):
                end = self.pattern.index(">", self.at)
                name = self.pattern[self.at : end]
                self.at = end + 1
            elif self.peek() == "?":
                raise PatternError("an unknown kind of group")
            self.opened += 1
        number, inner = str(self.opened), self.alternatives()
        self.close()

        def write(rng: Random, state: _State) -> str:
            text = inner(rng, state)
            state.groups[number] = state.groups[name] = text
            return text

        return write

    def close(self) -> None:
        if not self.accept(")"):
            raise PatternError("a group is not closed")

    def escape(self) -> Write:
        sign = self.take()
        if sign in "bB":
            return _nothing
        if sign in "AZz":
            return _nothing
        if sign in _CLASSES:
            return _one_of(_CLASSES[sign])
        if sign == "p" and self.accept("{"):
            return _one_of(self.property())
        if sign in "ux":
            return self.code_point(sign)
        if sign.isdigit() and sign != "0":
            return lambda rng, state: state.groups.get(sign, "")
        if sign == "k" and self.accept("<"):
            end = self.pattern.index(">", self.at)
            name = self.pattern[self.at : end]
            self.at = end + 1
            return lambda rng, state: state.groups.get(name, "")
        literal = _ESCAPES.get(sign, sign)
        return lambda rng, state: literal

    def property(self) -> str:
        end = self.pattern.index("}", self.at)
        name = self.pattern[self.at : end]
        self.at = end + 1
        return _PROPERTIES.get(name.rpartition("=")[2], _LOWER)

    def code_point(self, sign: str) -> Write:
        length = 4 if sign == "u" else 2
        digits = self.pattern[self.at : self.at + length]
        self.at += length
        try:
            literal = chr(int(digits, 16))
        except ValueError:
            raise PatternError(f"\\{sign}{digits} is no character") from None
        return lambda rng, state: literal

    def character_class(self) -> str:
        negated = self.accept("^")
        chosen: list[str] = []
        first = True
        while first or self.peek() != "]":
            first = False
            start = self.class_member()
            if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", "") and len(start) == 1:
                self.at += 1
                end = self.class_member()
                chosen.extend(map(chr, range(ord(start), min(ord(end[0]), ord(start) + 400) + 1)))
            else:
                chosen.extend(start)
        self.at += 1
        if negated:
            return "".join(sign for sign in _PREFERRED + _PRINTABLE if sign not in chosen)
        return "".join(dict.fromkeys(chosen))

    def class_member(self) -> str:
        sign = self.take()
        if sign != "\\":
            return sign
        sign = self.take()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign == "p" and self.accept("{"):
            return self.property()
        if sign in "ux":
            return self.code_point(sign)(Random(0), _State(1))
        return "\b" if sign == "b" else _ESCAPES.get(sign, sign)

    def repeated(self, atom: Write) -> Write:
        low, high = self.quantifier()
        if (low, high) == (1, 1):
            return atom

        def write(rng: Random, state: _State) -> str:
            top = max(low, state.generosity) if high is None else min(high, max(low, state.generosity))
            times = top if state.full else rng.randint(low, top)
            state.left -= times
            if state.left < 0:
                raise PatternError("every match is too long")
            return "".join([atom(rng, state) for _ in range(times)])

        return write

    def quantifier(self) -> tuple[int, int | None]:
        low: int
        high: int | None
        low, high = 1, 1
        if self.accept("*"):
            low, high = 0, None
        elif self.accept("+"):
            low, high = 1, None
        elif self.accept("?"):
            low, high = 0, 1
        else:
            match = re.compile(r"\{(\d+)(?:(,)(\d*))?\}").match(self.pattern, self.at)
            if match is None:
                return 1, 1
            self.at = match.end()
            low = int(match[1])
            high = low if not match[2] else int(match[3]) if match[3] else None
        if self.peek() in ("?", "+"):
            self.at += 1
        return low, high


def _nothing(rng: Random, state: _State) -> str:
    return ""


def _one_of(signs: str) -> Write:
    if not signs:
        raise PatternError("an empty class matches nothing")
    likely = [sign for sign in signs if sign in _PREFERRED] or list(signs)
    return lambda rng, state: rng.choice(likely)
