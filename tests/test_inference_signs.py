"""What is looked for before an expression is searched must be in everything that it matches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.domain.inference import skills, understanding, writing
from mockserver.domain.inference.expressions import Expression, holds_any

ASCII = st.characters(max_codepoint=126)
SIGNED = {
    "code": (writing._CODE, writing._CODE_SIGNS),
    "list": (writing._LIST, writing._LIST_SIGNS),
    "how": (writing._HOW, ("how ",)),
    "quoted": (skills._QUOTED, skills._QUOTES),
    "name": (skills._TOLD_NAME, skills._TELLS_NAME),
    **{f"form-{signs[0]}": (pattern, signs) for signs, pattern, _ in writing._FORMS},
    **{
        f"style{name.lower()}": (getattr(understanding, name), understanding._SIGNS)
        for name in (
            "_UPPER", "_LOWER", "_TERSE", "_BARE", "_SENTENCES", "_PARAGRAPHS", "_WORDS", "_PREFIX", "_SUFFIX",
            "_FRAME", "_LANGUAGE", "_PERSONA",
        )
    },
}  # fmt: skip


def matching(pattern: Expression) -> st.SearchStrategy[str]:
    """Texts in which an expression finds something."""
    return st.from_regex(re.compile(pattern.source, pattern.flags), alphabet=ASCII)


@pytest.mark.parametrize("name", SIGNED)
def test_every_match_holds_a_sign(name: str) -> None:
    pattern, signs = SIGNED[name]

    @given(matching(pattern))
    def check(text: str) -> None:
        assert pattern.search(text)
        assert holds_any(text.lower(), signs)

    check()


@given(matching(understanding._TRAILING))
def test_every_tail_ends_as_tails_do(text: str) -> None:
    if understanding._TRAILING.sub("", text.rstrip("\n")) != text.rstrip("\n"):
        assert text.rstrip("\n").lower().endswith(understanding._TRAILS)
