"""Repeatable randomness and the identifiers made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

Option = TypeVar("Option")

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def number(*parts: object) -> int:
    """A 64-bit number that depends on every part and on nothing else."""
    return int.from_bytes(blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def rng(*parts: object) -> Random:
    return Random(number(*parts))


class Bits:
    """Random bits that depend on every part and on nothing else, drawn as from a ``Random``.

    They are enough for identifiers, at a tenth of a generator's price.
    """

    def __init__(self, *parts: object) -> None:
        self._seed = repr(parts).encode("utf-8", "surrogatepass")
        self._drawn = 0
        self._left, self._bits = 0, 0

    def getrandbits(self, count: int) -> int:
        """A number of this many bits."""
        while self._left < count:
            digest = blake2b(self._seed, salt=self._drawn.to_bytes(8, "big")).digest()
            self._bits |= int.from_bytes(digest, "big") << self._left
            self._left += 8 * len(digest)
            self._drawn += 1
        value = self._bits & ((1 << count) - 1)
        self._bits >>= count
        self._left -= count
        return value

    def choices(self, options: str, *, k: int) -> list[str]:
        """So many of the options, each as likely as the others."""
        number, found = self.getrandbits(k * len(options).bit_length() + 16), []
        for _ in range(k):
            number, index = divmod(number, len(options))
            found.append(options[index])
        return found


Source = Random | Bits
"""Where an identifier's digits are drawn from."""


def pick(source: Random, options: Sequence[Option]) -> Option:
    """One of the options: the one that ``Random.choice`` takes, at half the price. An answer is made of dozens."""
    count = len(options)
    bits = count.bit_length()
    index = source.getrandbits(bits)
    while index >= count:
        index = source.getrandbits(bits)
    return options[index]


_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def uuid(source: Source) -> str:
    """A random (version 4) UUID."""
    digits = f"{source.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


def hexadecimal(source: Source, length: int) -> str:
    return f"{source.getrandbits(4 * length):0{length}x}"


def alphanumeric(source: Source, length: int) -> str:
    return "".join(source.choices(_LETTERS, k=length))


def base58(source: Source, length: int) -> str:
    """The alphabet of the identifiers that Claude endpoints show."""
    return "".join(source.choices(_ALPHABET, k=length))


def identifier(form: str, source: Source) -> str:
    """An identifier of a recorded form.

    ``chatcmpl_uuid`` (hosted Llama), ``chatcmpl`` (OpenAI), ``msg_bdrk`` (hosted Claude), ``msg`` (Anthropic), ``uuid``
    (DBRX, Llama 2, agents), ``cmpl`` (completions); ``call_uuid``, ``call``, ``toolu_bdrk`` and ``toolu`` for tools.
    """
    return _FORMS[form](source)


_FORMS: dict[str, Callable[[Source], str]] = {
    "uuid": uuid,
    "chatcmpl_uuid": lambda source: f"chatcmpl_{uuid(source)}",
    "chatcmpl": lambda source: f"chatcmpl-{alphanumeric(source, 29)}",
    "cmpl": lambda source: f"cmpl-{alphanumeric(source, 29)}",
    "cmpl_uuid": lambda source: f"cmpl_{uuid(source)}",
    "msg_bdrk": lambda source: f"msg_bdrk_01{base58(source, 22)}",
    "msg": lambda source: f"msg_01{base58(source, 22)}",
    "call_uuid": lambda source: f"call_{uuid(source)}",
    "call": lambda source: f"call_{alphanumeric(source, 24)}",
    "toolu_bdrk": lambda source: f"toolu_bdrk_01{base58(source, 22)}",
    "toolu": lambda source: f"toolu_01{base58(source, 22)}",
}
