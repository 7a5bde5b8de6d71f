"""Machines that the logs speak of, invented with Faker from a seed."""

from __future__ import annotations

from functools import lru_cache

from .domain.logs import Machine


@lru_cache(maxsize=1024)
def machine(seed: str) -> Machine:
    """The machine of a seed: always the same one."""
    from faker import Faker

    fake = Faker()
    fake.seed_instance(seed)
    return Machine(
        replica=fake.bothify("?##?#", letters="bcdfghjklmnpqrstvwxz"),
        address=fake.ipv4_private(),
        image=f"model-serving/{fake.domain_word()}:{fake.hexify('^' * 12)}",
        process=fake.pyint(8, 900),
    )
