"""Provisioned throughput: which models take it, in what chunks, and what it costs.

Two pairs are recorded from the real service (llama2-7b: 970 tokens/s a chunk, 24 DBU/h; llama 3.1 8b: 19 000 and 106);
the others are interpolated by model size and are inventions of this mock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MODEL_UNITS_ONLY = re.compile(r"gpt[-_]oss|claude|gemini|gpt[-_]5")
_SIZE = re.compile(r"(\d+(?:_\d+)?)x?(?:\d+)?b(?![a-z])")
_RECORDED = {"llama2-7b": (970, 24.0), "meta_llama_v3_1_8b_instruct": (19_000, 106.0)}
_FAMILIES = ("llama", "mixtral", "mistral", "dbrx", "mpt", "gemma", "qwen", "gte", "bge", "deepseek", "gpt_oss")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit that throughput is sold in: ``size`` tokens per second for ``dbus`` DBU per hour."""

    model_type: str
    size: int
    dbus: float


def chunk_of(model: str) -> Chunk | None:
    """The chunk of a model by its name, ``None`` when the name is of no family that can be optimised."""
    short = model.rsplit(".", 1)[-1].lower()
    family = next((family for family in _FAMILIES if family in short.replace("-", "_")), None)
    if family is None:
        return None
    if short in _RECORDED:
        size, dbus = _RECORDED[short]
        return Chunk(family, size, dbus)
    billions = _SIZE.search(short.replace("-", "_"))
    weight = float(billions.group(1).replace("_", ".")) if billions else 7.0
    return Chunk(family, max(100, round(20_000 / (1 + weight / 8) / 10) * 10), round(20 + 10 * weight, 1))


def cost(model: str, tokens_per_second: int) -> float:
    """DBU per hour for this throughput, in whole chunks."""
    chunk = chunk_of(model) or Chunk("custom", 1000, 24.0)
    return round(-(-tokens_per_second // chunk.size) * chunk.dbus, 1)


def is_eligible(model: str) -> bool:
    """Whether throughput in tokens per second can be provisioned; the newest families sell model units instead."""
    return not MODEL_UNITS_ONLY.search(model.lower())
