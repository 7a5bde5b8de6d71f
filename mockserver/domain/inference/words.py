"""The material that invented answers are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names and places to invent with. Each tuple has at least one entry; all of them are plain strings."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[str, ...]
    countries: tuple[str, ...]
    companies: tuple[str, ...]
    jobs: tuple[str, ...]
    streets: tuple[str, ...]
    postcodes: tuple[str, ...]
    phones: tuple[str, ...]
    domains: tuple[str, ...]
    dates: tuple[str, ...]
    products: tuple[str, ...]
    words: tuple[str, ...]
