"""The pieces sentences are made of: places, values, lists of choices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

_LONGEST = 80
_NAME = re.compile(r"[A-Za-z_][\w-]*\Z")
ARTICLES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "null": "null",
}

Path = Sequence[str | int]


def place(path: Path) -> str:
    """`config.routes[0].name` of its steps."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _NAME.match(step):
            text += f".{step}" if text else step
        else:
            text += f'["{clean(step)}"]'
    return text


def clean(text: str) -> str:
    """The text on one line, printable, and not longer than a sentence bears."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def type_name(value: Any) -> str:
    """JSON's name for the value's type, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a number"
    return "an array" if isinstance(value, list | tuple) else "an object"


def shown(value: Any) -> str:
    """The value in a sentence; what is inside objects and arrays stays inside."""
    if isinstance(value, str):
        return f"'{clean(value)}'"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return clean(repr(value))
    return "the array" if isinstance(value, list | tuple) else "the object"


def bare(option: Any) -> str:
    """A choice as it stands in a list of choices: a string without quotes."""
    return option if isinstance(option, str) and option else shown(option)


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    listed = list(dict.fromkeys(words))
    return " or ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else listed[0]


def quoted(names: Sequence[str], last: str = "or") -> str:
    """`'a', 'b' or 'c'`."""
    listed = [f"'{name}'" for name in dict.fromkeys(names)]
    return f"{', '.join(listed[:-1])} {last} {listed[-1]}" if len(listed) > 1 else listed[0]


def suggestion(word: Any, known: Sequence[str]) -> str:
    """` (did you mean 'user'?)` when one of the known is close, else nothing."""
    if not isinstance(word, str) or not known:
        return ""
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word[:200].casefold(), list(folded), n=1, cutoff=0.6)
    return f" (did you mean '{folded[close[0]]}'?)" if close else ""
