"""Scripted lifecycles: together they exercise every law in every run, however short."""

from __future__ import annotations

from . import (
    access,
    bounds,
    discovery,
    extremes,
    handover,
    keeping,
    lifecycles,
    limits,
    queries,
    quotas,
    races,
    refusals,
    robustness,
    rules,
    settings,
    streams,
)
from .hand import JOURNEYS, Abandoned, Hand, Journey, Surroundings

__all__ = [
    "JOURNEYS",
    "Abandoned",
    "Hand",
    "Journey",
    "Surroundings",
    "access",
    "bounds",
    "discovery",
    "extremes",
    "handover",
    "keeping",
    "lifecycles",
    "limits",
    "queries",
    "quotas",
    "races",
    "refusals",
    "robustness",
    "rules",
    "settings",
    "streams",
]
