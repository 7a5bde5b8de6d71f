"""Faker's names and places, drawn once per seed. The only module that imports Faker, and only when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from threading import Lock
from typing import Any

from .domain.inference.words import Vocabulary

_DRAWING = Lock()
_SIZE = 64
_PROVIDERS = ("person", "address", "company", "date_time", "job", "phone_number")
_FIRST_DAY, _LAST_DAY = date(2024, 1, 1), date(2026, 12, 31)
_MATERIALS = ("Steel", "Wooden", "Cotton", "Granite", "Ceramic", "Leather", "Glass", "Linen", "Bamboo", "Copper")
_THINGS = ("Kettle", "Desk Lamp", "Backpack", "Notebook", "Chair", "Bottle", "Keyboard", "Mug", "Watch", "Shelf")
_WORDS = (
    "approach balance budget change choice detail effort evidence example feature goal habit idea impact insight "
    "lesson limit measure method moment option outcome pattern place plan point practice pressure priority "
    "process purpose "
    "quality question range reason record result review risk rule sample scope signal source stage step structure "
    "support target team test theme time tool trade-off trend value variety version view"
)


def vocabulary(seed: int) -> Vocabulary:
    """The vocabulary of a seed; the same seed gives the same one under the same version of Faker."""
    with _DRAWING:  # it takes a tenth of a second, so whoever comes second had better wait
        return _drawn(seed)


@lru_cache(maxsize=8)
def _drawn(seed: int) -> Vocabulary:
    from faker.factory import Factory

    # Of all of Faker's providers only the few that are used; its type does not show what they add.
    fake: Any = Factory.create("en_US", [f"faker.providers.{name}" for name in _PROVIDERS], use_weighting=False)
    fake.seed_instance(seed)

    def drawn(make: Callable[[], object]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(make()) for _ in range(_SIZE)))

    return Vocabulary(
        first_names=drawn(fake.first_name),
        last_names=drawn(fake.last_name),
        cities=drawn(fake.city),
        countries=tuple(name for name in drawn(fake.country) if len(name) < 20 and "(" not in name) or ("Portugal",),
        companies=drawn(fake.company),
        jobs=tuple(dict.fromkeys(job.split(",")[0].split(" (")[0] for job in drawn(fake.job))),
        streets=drawn(fake.street_address),
        postcodes=drawn(fake.postcode),
        phones=drawn(fake.basic_phone_number),
        domains=drawn(lambda: f"{fake.last_name().lower()}.example.com"),
        dates=drawn(lambda: fake.date_between_dates(_FIRST_DAY, _LAST_DAY)),
        products=drawn(lambda: f"{fake.random_element(_MATERIALS)} {fake.random_element(_THINGS)}"),
        words=tuple(_WORDS.split()),
    )
