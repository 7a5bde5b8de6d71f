"""Plausible values by the name of a field, taken from the prompt where it says them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from . import knowledge, skills
from .expressions import Expression
from .stems import word_set
from .understanding import question_of
from .words import Vocabulary

_NAME_PART = Expression(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PROPER = r"[A-ZÀ-Þ][\w'\u2019.-]*(?:(?: | de | of | the | da | van )[A-ZÀ-Þ][\w'\u2019-]*)*"
_AFTER_PREPOSITION = Expression(rf"\b(?:in|at|for|from|to|near|of|around|visit|versus|vs\.?)\s+({_PROPER})")
_NEXT_IN_LIST = Expression(rf"(?:,| and| or|, and|, or| versus| vs\.?)\s+({_PROPER})")
_PERSON = Expression(r"\b([A-Z][a-z]+(?: [A-Z]\.)? [A-Z][a-z]+)\b")
_TOGETHER = Expression(r"\b[A-Z][a-z]+(?:, [A-Z][a-z]+)*,? (?:and|&) [A-Z][a-z]+\b")
_FIRST_NAME = Expression(r"[A-Z][a-z]+")
_WEEKDAY = Expression(rf"\b(?:{'|'.join(knowledge.WEEKDAYS)})\b")
_BY = Expression(r"^\s*(?:by|author:?)\s+([A-Z][\w.' -]+?)\s*$", re.IGNORECASE | re.MULTILINE)
_HEADING = Expression(r"^\s*#+\s+(.+?)\s*$|^\s*title:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_EMAIL = Expression(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = Expression(r"https?://[^\s\"'<>)]+")
_DATE = Expression(r"\b\d{4}-\d{2}-\d{2}\b")
_LONG_DATE = Expression(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)? )?({'|'.join(knowledge.MONTHS)}) ?(\d{{1,2}})?(?:st|nd|rd|th)?,? (\d{{4}})\b"
)
_NUMBER = Expression(r"(?<![\w.-])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w-]*\d)")
_QUOTED = Expression(r"[\"\u201c]([^\"\u201d\n]{1,120})[\"\u201d]|(?<!\w)'([^'\n]{1,120})'(?!\w)")
_AGE = Expression(r"\b(?:aged?|age is|is|am|turned) (\d{1,3})\b|\b(\d{1,3})[ -]years?[ -]old", re.IGNORECASE)
_NOT_A_PLACE = frozenset(
    (
        *knowledge.MONTHS,
        *knowledge.WEEKDAYS,
        *word_set("I The A An JSON API Celsius Fahrenheit Use What How Return Please Give Answer English Python SQL"),
        *word_set("My Is It You He She"),
    )
)


def parts_of(name: str) -> tuple[str, ...]:
    """The words of a field's name: ``firstName`` and ``first_name`` give ``("first", "name")``."""
    return tuple(part.lower() for part in _NAME_PART.findall(name))


@lru_cache(maxsize=256)
def places(text: str) -> tuple[str, ...]:
    """The places a text names, in order: known cities, and capitalised names after a preposition."""
    found: dict[int, str] = {}
    for city in knowledge.CITIES:
        at = text.find(city)
        longer = len(city) > len(found.get(at, ""))
        if at >= 0 and longer and not text[at + len(city) : at + len(city) + 1].isalpha():
            found[at] = city
    for country in knowledge.CAPITALS:
        named = country.title()
        at = text.find(named)
        if len(country) > 3 and at >= 0:
            found.setdefault(at, named)
    for match in _AFTER_PREPOSITION.finditer(text):
        _note(found, match)
    for at in sorted(found):
        end = at + len(found[at])
        while (following := _NEXT_IN_LIST.match(text, end)) and _note(found, following):
            end = following.end()
    return tuple(dict.fromkeys(_outermost(found)))


def _note(found: dict[int, str], match: re.Match[str]) -> bool:
    """Notes a capitalised name as a place, unless it is a word that only looks like one."""
    name = match[1].rstrip(".'\u2019-")
    if name in _NOT_A_PLACE or len(name) < 2 or _inside(found, match.start(1)):
        return False
    found[match.start(1)] = name
    return True


def _inside(found: dict[int, str], at: int) -> bool:
    return any(start <= at < start + len(name) for start, name in found.items())


def _outermost(found: dict[int, str]) -> list[str]:
    names: list[str] = []
    end = -1
    for at in sorted(found, key=lambda start: (start, -len(found[start]))):
        if at >= end:
            names.append(found[at])
            end = at + len(found[at])
    return names


@lru_cache(maxsize=256)
def people(text: str) -> tuple[str, ...]:
    """The people a text names: authors, then pairs of capitalised words that are no place."""
    authors = [match.strip() for match in _BY.findall(text)]
    known = set(places(text)) | knowledge.CITIES
    named = [name for name in _PERSON.findall(text) if name not in known and name.split()[0] not in _NOT_A_PLACE]
    together = [name for names in _TOGETHER.findall(text) for name in _FIRST_NAME.findall(names) if name not in known]
    return tuple(
        dict.fromkeys(authors + named + [name for name in together if not any(name in full for full in named)])
    )


@lru_cache(maxsize=256)
def numbers(text: str) -> tuple[float, ...]:
    """The numbers of a text, in order; dates are left out."""
    return tuple(float(number.replace(",", "")) for number in _NUMBER.findall(_DATE.sub(" ", text)))


@lru_cache(maxsize=256)
def dates(text: str) -> tuple[str, ...]:
    """The dates of a text as YYYY-MM-DD."""
    found = list(_DATE.findall(text))
    for before, month, after, year in _LONG_DATE.findall(text):
        found.append(f"{year}-{knowledge.MONTHS.index(month) + 1:02d}-{min(28, int(before or after or 1)):02d}")
    return tuple(found)


def quotes(text: str) -> tuple[str, ...]:
    """What stands in quotation marks."""
    return tuple(double or single for double, single in _QUOTED.findall(text))


def heading(text: str) -> str:
    """The title of a text, as a heading or a ``title:`` line gives it."""
    match = _HEADING.search(text)
    return (match[1] or match[2]) if match else ""


@dataclass(frozen=True, slots=True)
class Hints:
    """What values are made from. ``pick`` chooses among several candidates of a prompt (the second place, say)."""

    text: str
    rng: Random
    vocabulary: Vocabulary
    pick: int = 0

    def _nth(self, found: tuple[str, ...]) -> str:
        return found[self.pick % len(found)] if found else ""

    def string(self, name: str, description: str = "") -> str:
        """A text for a field of this name; the prompt's own words where they fit."""
        parts = parts_of(name)
        for words, make in _STRINGS:
            if words & set(parts):
                return make(self, parts)
        lowered = description.lower()
        for words, make in _STRINGS:
            if any(re.search(rf"\b{word}\b", lowered) for word in words & _TELLING):
                return make(self, tuple(sorted(words & _TELLING)))
        quoted = self._nth(quotes(self.text))
        return quoted or self.labelled(parts) or self.phrase()

    def several(self, name: str) -> int:
        """How many entries the prompt has for a list of this name; 0 when it says nothing."""
        parts = set(parts_of(name))
        if parts & _PEOPLE:
            return len(people(self.text))
        return len(places(self.text)) if parts & _PLACES else 0

    def labelled(self, parts: tuple[str, ...]) -> str:
        """What a line ``Name: value`` of the prompt says for a field."""
        if not parts:
            return ""
        label = r"[ _-]?".join(map(re.escape, parts))
        match = re.search(
            rf"\b{label}\s*(?::|=| is| was| named| called)\s*[\"']?([^\n,;.\"']{{1,60}})", self.text, re.I
        )
        return match[1].strip() if match else ""

    def phrase(self) -> str:
        """A few words: the topic of the prompt, or invented ones."""
        topic = question_of(self.text).topic if self.text else ""
        if topic and len(topic) < 80 and self.pick == 0:
            return topic
        return " ".join(self.rng.sample(self.vocabulary.words, 2))

    def sentence(self) -> str:
        topic = question_of(self.text).topic if self.text else ""
        first, second = self.rng.sample(self.vocabulary.words, 2)
        if not topic or len(topic) > 80:
            return f"A short note on the {first} and the {second}."
        return f"A short note on {topic}, with an eye on the {first}."

    def person(self) -> str:
        return self._nth(people(self.text)) or self.invented_person()

    def invented_person(self) -> str:
        return f"{self.rng.choice(self.vocabulary.first_names)} {self.rng.choice(self.vocabulary.last_names)}"

    def place(self) -> str:
        return self._nth(places(self.text)) or self.rng.choice(self.vocabulary.cities)

    def number(self, name: str) -> float | None:
        """A number for a field of this name, or None when the name says nothing."""
        parts = set(parts_of(name))
        if "age" in parts and (match := _AGE.search(self.text)):
            return float(match[1] or match[2])
        stated = re.search(
            rf"\b{re.escape(' '.join(parts_of(name)))}\s*(?::|=|is|of|to)?\s*(-?\d+(?:\.\d+)?)", self.text, re.I
        )
        if stated and parts:
            return float(stated[1])
        found = numbers(self.text)
        for index, names in enumerate(_OPERANDS):
            if name.lower() in names and index < len(found):
                return found[index]
        for words, low, high, step in _NUMBERS:
            if words & parts:
                return round(low + step * self.rng.randint(0, round((high - low) / step)), 6)
        return None


def _name(hints: Hints, parts: tuple[str, ...]) -> str:
    full = hints.person() if people(hints.text) else skills.users_name([]) or hints.invented_person()
    if {"first", "given"} & set(parts):
        return full.split()[0]
    if {"last", "family", "sur"} & set(parts):
        return full.split()[-1]
    if {"user", "login", "nick"} & set(parts):
        return full.lower().replace(" ", "_")
    if {"company", "organization", "organisation", "employer", "brand"} & set(parts):
        return hints.rng.choice(hints.vocabulary.companies)
    if {"city", "place", "location"} & set(parts):
        return hints.place()
    if {"product", "item"} & set(parts):
        return hints.rng.choice(hints.vocabulary.products)
    if {"file"} & set(parts):
        return f"{hints.rng.choice(hints.vocabulary.words)}.txt"
    told = re.search(
        r"\bname(?:d| is|:)\s+([A-Z][\w'-]+(?: [A-Z][\w'-]+)?)|\b(?:I'm|I am|called) ([A-Z]\w+)", hints.text
    )
    return (told[1] or told[2]) if told else full


def _email(hints: Hints, parts: tuple[str, ...]) -> str:
    found = tuple(_EMAIL.findall(hints.text))
    if found:
        return hints._nth(found)
    return (
        f"{hints.person().lower().replace(' ', '.').replace(chr(39), '')}@{hints.rng.choice(hints.vocabulary.domains)}"
    )


def _url(hints: Hints, parts: tuple[str, ...]) -> str:
    found = tuple(_URL.findall(hints.text))
    return (
        hints._nth(found)
        or f"https://{hints.rng.choice(hints.vocabulary.domains)}/{hints.rng.choice(hints.vocabulary.words)}"
    )


def _expression(hints: Hints, parts: tuple[str, ...]) -> str:
    found = skills.summed(hints.text)
    return found[0] if found else "1 + 1"


def _country(hints: Hints, parts: tuple[str, ...]) -> str:
    named = tuple(name for name in places(hints.text) if name.lower() in knowledge.CAPITALS)
    if named:
        return hints._nth(named)
    city = hints._nth(places(hints.text))
    home = next((country for country, capital in knowledge.CAPITALS.items() if capital == city), "")
    return home.title() if home else hints.rng.choice(hints.vocabulary.countries)


def _title(hints: Hints, parts: tuple[str, ...]) -> str:
    title = heading(hints.text) or hints._nth(quotes(hints.text)) or hints.phrase()
    return title[:1].upper() + title[1:]


def _asked(hints: Hints, parts: tuple[str, ...]) -> str:
    return hints._nth(quotes(hints.text)) or question_of(hints.text).text or hints.phrase()


_ABOUT = Expression(r"\b(?:about|for|on|regarding|of|titled|named)\s+([^.?!\n]{2,80})[.?!]?\s*$", re.IGNORECASE)
_SAYING = Expression(
    r"\b(?:saying|that says|telling (?:him|her|them)|with the (?:message|text|body))(?: "
    r"that)?:?\s+([^\n]{2,300}?)[.]?\s*$",
    re.I,
)


def _searched(hints: Hints, parts: tuple[str, ...]) -> str:
    quoted = hints._nth(quotes(hints.text))
    about = _ABOUT.search(hints.text.strip())
    return quoted or (about[1] if about and not hints.text.strip().endswith("?") else _asked(hints, parts))


def _said(hints: Hints, parts: tuple[str, ...]) -> str:
    saying = _SAYING.search(hints.text.strip())
    return (saying[1] if saying else "") or hints._nth(quotes(hints.text)) or hints.labelled(parts) or hints.sentence()


def _addressee(hints: Hints, parts: tuple[str, ...]) -> str:
    if "@" in hints.text:
        return _email(hints, parts)
    return hints.place() if places(hints.text) else hints.person()


def _stamp(hints: Hints, parts: tuple[str, ...]) -> str:
    named = tuple(_WEEKDAY.findall(hints.text))
    day = hints._nth(dates(hints.text)) or hints._nth(named) or hints.rng.choice(hints.vocabulary.dates)
    if {"time", "timestamp", "datetime"} & set(parts) and "date" not in parts:
        return f"{hints.rng.randrange(24):02d}:{hints.rng.randrange(60):02d}"
    return day[:4] if parts == ("year",) else day


Make = Callable[[Hints, tuple[str, ...]], str]
_STRINGS: tuple[tuple[frozenset[str], Make], ...] = tuple(
    (frozenset(words.split()), make)
    for words, make in (
        ("email mail", _email),
        ("url uri link website homepage href", _url),
        ("title headline heading subject", _title),
        ("author artist person customer employee contact assignee owner recipient sender participant participants "
         "attendee attendees people guest member", lambda h, p: h.person()),
        ("city location place destination town origin", lambda h, p: h.place()),
        ("country nation", _country),
        ("expression formula equation calculation", _expression),
        ("query search keywords term", _searched),
        ("question prompt input instruction request", _asked),
        ("to from cc", _addressee),
        ("message body content text", _said),
        ("name username firstname lastname fullname", _name),
        ("company organization organisation employer brand vendor", lambda h, p: h.rng.choice(h.vocabulary.companies)),
        ("job profession occupation role position", lambda h, p: h.rng.choice(h.vocabulary.jobs)),
        ("street address", lambda h, p: h.rng.choice(h.vocabulary.streets)),
        ("zip zipcode postcode postal", lambda h, p: h.rng.choice(h.vocabulary.postcodes)),
        ("phone telephone mobile fax", lambda h, p: h.rng.choice(h.vocabulary.phones)),
        ("date day deadline birthday birthdate dob timestamp datetime year", _stamp),
        ("time", _stamp),
        ("product item article", lambda h, p: h.rng.choice(h.vocabulary.products)),
        ("sentiment mood", lambda h, p: skills.sentiment(h.text)),
        ("currency", lambda h, p: "EUR" if "€" in h.text or "euro" in h.text.lower() else "USD"),
        ("unit units", lambda h, p: "fahrenheit" if "fahrenheit" in h.text.lower() else "celsius"),
        ("language lang", lambda h, p: "English"),
        ("color colour", lambda h, p: h.rng.choice(("red", "blue", "green", "yellow", "black", "white"))),
        ("gender", lambda h, p: h.rng.choice(("female", "male"))),
        ("code sql", lambda h, p: f"print({_expression(h, p)})" if "sql" not in p else "SELECT 1"),
        ("answer result response output", lambda h, p: _answer(h)),
        ("summary description explanation reason reasoning rationale comment notes note abstract thought "
         "thoughts steps step", lambda h, p: h.sentence()),
        ("category topic label tag tags type kind keyword", lambda h, p: h.rng.choice(h.vocabulary.words)),
        ("id identifier uuid key sku", lambda h, p: f"{p[0][:3].upper()}-{h.rng.randrange(1000, 9999)}"),
        ("status state", lambda h, p: h.rng.choice(("active", "pending", "done"))),
    )
)  # fmt: skip
_TELLING = frozenset(
    ("email", "url", "title", "author", "city", "location", "country", "expression", "query", "question", "name",
     "company", "address", "phone", "date", "product", "sentiment", "language", "summary")
)  # fmt: skip
_PEOPLE = word_set(
    "person people participant participants attendee attendees author authors guest guests member members"
)
_PLACES = word_set("city cities location locations place places destination destinations")
_OPERANDS = (
    word_set("a x first first_number num1 number1 n1 left minuend dividend base n number value amount operand1"),
    word_set("b y second second_number num2 number2 n2 right subtrahend divisor exponent operand2"),
    word_set("c z third third_number num3 number3 n3"),
)
_NUMBERS: tuple[tuple[frozenset[str], float, float, float], ...] = tuple(
    (frozenset(words.split()), low, high, step)
    for words, low, high, step in (
        ("age", 21, 68, 1),
        ("year", 1995, 2026, 1),
        ("month", 1, 12, 1),
        ("day days", 1, 28, 1),
        ("hour hours", 0, 23, 1),
        ("minute minutes", 0, 59, 1),
        ("price cost amount total fee salary budget revenue", 5, 250, 0.5),
        ("rating stars", 1, 5, 1),
        ("score confidence probability likelihood similarity", 0.5, 0.99, 0.01),
        ("percent percentage", 1, 100, 1),
        ("temperature temp degrees", 8, 31, 1),
        ("humidity", 30, 90, 1),
        ("latitude lat", -60, 60, 0.01),
        ("longitude lon lng", -170, 170, 0.01),
        ("population", 20000, 4000000, 1000),
        ("quantity count number num size limit top", 1, 12, 1),
        ("height", 150, 200, 1),
        ("weight", 50, 100, 1),
        ("id", 1000, 9999, 1),
    )
)


def _answer(hints: Hints) -> str:
    found = skills.summed(hints.text)
    if found:
        return found[1]
    return skills.known(question_of(hints.text)) or hints.sentence()
