"""How invented texts are written: what is certain of a question is found once, what chance adds for each answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from random import Random

from . import phrases, skills
from .expressions import Expression, holds_any
from .seeds import pick
from .stems import STOP_WORDS
from .understanding import Question, Style, wanted_count
from .words import Vocabulary

Slots = dict[str, str]
Writer = Callable[[Random, Vocabulary], str]
_Form = Callable[[Random, Slots], str]

_GREETING = Expression(
    r"^(?:hi|hello|hey|howdy|greetings|good (?:morning|afternoon|evening)|hiya)\b[^?]{0,30}$", re.IGNORECASE
)
_SMALL_TALK = Expression(r"^(?:[^?]{0,20}\b)?how are you\b", re.IGNORECASE)
_NAMES_SELF = Expression(r"(?:hi[,!.]? |hello[,!.]? )?(?:my name is|i'm|i am|call me) [\w' -]+[.!]?", re.IGNORECASE)
_THANKS = Expression(r"^(?:thanks|thank you|thx|cheers|great,? thanks)\b[^?]{0,40}$", re.IGNORECASE)
_FAREWELL = Expression(r"^(?:bye|goodbye|see you|farewell)\b", re.IGNORECASE)
_YES_NO = Expression(r"\b(?:yes or no|true or false|yes/no|true/false)\b", re.IGNORECASE)
_LIST = Expression(
    r"\b(?:list|bullet points?|brainstorm|suggest|recommend|(?:give|name|tell|show|write|what "
    r"are)\b.{0,24}?\b(?:\d{1,2}|two"
    r"|three|four|five|six|seven|eight|nine|ten|some|several|a few|the main|the best)\b (?!sentences?|words?"
    r"|paragraphs?))",
    re.IGNORECASE,
)
_CODE = Expression(
    r"\b(?:write|create|give|show|implement|generate|need)\b.{0,40}\b(function|code|script|program|query"
    r"|class|snippet"
    r"|method|algorithm|page)\b|\b(?:in|using) (?:python|javascript|typescript|sql|rust|java|go|bash)\b"
    r"|\bselect\b.+\bfrom\b",
    re.IGNORECASE,
)
_CODE_SIGNS = (
    "function", "code", "script", "program", "query", "class", "snippet", "method", "algorithm", "page", " python",
    " typescript", " sql", " rust", " java", " go", " bash", "select",
)  # fmt: skip
_LIST_SIGNS = (
    "list", "bullet", "brainstorm", "suggest", "recommend", "two", "three", "four", "five", "six", "seven", "eight",
    "nine", "ten", "some", "several", "a few", "the main", "the best", *"0123456789",
)  # fmt: skip
_VERSE = Expression(r"\b(haiku|poem|limerick|rhyme|verse|song)\b", re.IGNORECASE)
_JOKE = Expression(r"\bjokes?\b|\bmake me laugh\b", re.IGNORECASE)
_STORY = Expression(r"\b(?:story|tale|fairy ?tale)\b", re.IGNORECASE)
_LETTER = Expression(r"\b(?:write|draft|compose)\b.{0,30}\b(?:e-?mail|letter|memo|message)\b", re.IGNORECASE)
_IMAGE = Expression(r"\b(?:image|picture|photo|screenshot|diagram|chart)\b", re.IGNORECASE)
_QUANTITY = Expression(r"^(?:so |and )?how (?:many|much|old|far|long|big|tall|often|fast)\b", re.IGNORECASE)


def writer(asked: str, question: Question, style: Style, name: str, pictured: bool) -> Writer:
    """How the answer to a question is written, for a user of this ``name``; ``pictured`` when it came with images."""
    greeting = _small_talk(asked.strip(), name)
    if greeting is not None:
        return greeting
    fixed = _fixed_slots(question)
    form = _form(asked, question, style, pictured, fixed)
    return lambda rng, vocabulary: form(rng, {**fixed, **_drawn_slots(rng, vocabulary)})


def always(text: str) -> Writer:
    """The same text, whatever chance brings."""
    return lambda rng, vocabulary: text


def continuation(question: Question, prompt: str) -> Writer:
    """How a prompt that is not a question goes on."""
    fixed = _fixed_slots(question)
    lead = " " if prompt[-1:] in ".!?" else ", " if prompt[-1:].isalnum() else ""

    def write(rng: Random, vocabulary: Vocabulary) -> str:
        slots = {**fixed, **_drawn_slots(rng, vocabulary)}
        first, second = (_filled(template, slots) for template in rng.sample(phrases.BODIES, 2))
        begun = first if lead != ", " else "and " + first[0].lower() + first[1:]
        return f"{lead}{begun} {_filled(pick(rng, phrases.EXAMPLES), slots)} {second}"

    return write


def _small_talk(asked: str, name: str) -> Writer | None:
    suffix = f", {name}" if name else ""
    if _SMALL_TALK.match(asked):
        return always(f"I'm doing well, thank you for asking{suffix}! How can I help you today?")
    if _GREETING.match(asked) or not asked:
        return lambda rng, _: pick(rng, phrases.GREETINGS).format(n=suffix)
    if name and _NAMES_SELF.fullmatch(asked):
        return always(f"Nice to meet you{suffix}! How can I help you today?")
    if _THANKS.match(asked):
        return lambda rng, _: pick(rng, phrases.THANKS)
    return (lambda rng, _: pick(rng, phrases.FAREWELLS)) if _FAREWELL.match(asked) else None


def _form(asked: str, question: Question, style: Style, pictured: bool, fixed: Slots) -> _Form:
    """The form that a text takes."""
    lowered = asked.lower()
    if (" or no" in lowered or "/no" in lowered or "or false" in lowered) and _YES_NO.search(asked):
        pair = ("True", "False") if "true" in lowered else ("Yes", "No")
        return lambda rng, slots: f"{pick(rng, pair)}."
    if pictured:
        return partial(_described, question)
    if holds_any(lowered, _CODE_SIGNS) and _CODE.search(asked):
        code = _coded(asked, question, fixed)
        return lambda rng, slots: code
    for signs, pattern, write in _FORMS:
        if holds_any(lowered, signs) and pattern.search(asked):
            return partial(write, asked)
    definition = skills.defined(question)
    if style.terse:
        return _short(question) if definition is None else lambda rng, slots: definition
    if holds_any(lowered, _LIST_SIGNS) and _LIST.search(asked):
        return _listed(asked, question)
    if "how " in lowered and _QUANTITY.search(question.text):
        return partial(_estimated, question.keywords[0] if question.keywords else "that")
    return _explained(question, definition, style, fixed)


_NOT_PLURAL = ("ss", "us", "is", "ics", "as")


def _is_plural(topic: str) -> bool:
    head = re.split(r" (?:of|in|for|on|with|at|from|to|that|which|who)\b", topic)[0].lower()
    last = head.rpartition(" ")[2]
    return " and " in head or (len(last) > 3 and last.endswith("s") and not last.endswith(_NOT_PLURAL))


def _fixed_slots(question: Question) -> Slots:
    """What fills the templates whatever chance brings: the topic with its grammar."""
    topic = question.topic or "that"
    plural = _is_plural(topic)
    topic_words = topic.lower()
    rest = [word for word in question.keywords if word not in topic_words]
    key = rest[0] if rest else topic
    return {
        "t": topic,
        "T": topic[:1].upper() + topic[1:],
        "v": re.sub(r"^you (?=\w)", "", topic),
        "k": key,
        "K": key[:1].upper() + key[1:],
        "is": "are" if plural else "is",
        "it": "they" if plural else "it",
        "s": "" if plural else "s",
    }


def _drawn_slots(rng: Random, vocabulary: Vocabulary) -> Slots:
    """The invented names that fill the templates."""
    first = second = pick(rng, vocabulary.words)
    while second == first:
        second = pick(rng, vocabulary.words)
    return {
        "w": first,
        "x": second,
        "name": f"{pick(rng, vocabulary.first_names)} {pick(rng, vocabulary.last_names)}",
        "to": pick(rng, vocabulary.first_names),
        "company": pick(rng, vocabulary.companies),
        "city": pick(rng, vocabulary.cities),
        "date": pick(rng, vocabulary.dates),
        "job": pick(rng, vocabulary.jobs).lower(),
        "product": pick(rng, vocabulary.products).lower(),
    }


def _filled(template: str, slots: Slots) -> str:
    return template.format_map(slots)


_PRONOUNS = {"T": "This", "is": "is", "it": "it", "s": "s"}


def _explained(question: Question, definition: str | None, style: Style, fixed: Slots) -> _Form:
    """One to three paragraphs: the point, what lies behind it, an example or steps, a close."""
    kind = _kind(question.text)
    pronouns = {**_PRONOUNS, "t": "it" if kind == "thing" else "this"}
    has_key = fixed["k"] != fixed["t"]

    def write(rng: Random, slots: Slots) -> str:
        later = {**slots, **pronouns}
        opener = definition or _filled(pick(rng, phrases.OPENERS[kind]), slots)
        first, second, third = rng.sample(phrases.BODIES, 3)
        key = _filled(pick(rng, phrases.KEYWORDS), slots) if has_key else _filled(third, later)
        example, closer = pick(rng, phrases.EXAMPLES), pick(rng, phrases.CLOSERS)
        body, more = _filled(first, slots if kind == "thing" else later), _filled(second, later)
        if style.sentences or style.words:
            bodies = [body, more, _filled(third, later)] if has_key else [body, more]
            return " ".join([opener, *bodies][: style.sentences or 3])
        closer = _filled(closer, later)
        if kind == "how":
            return f"{opener}\n\n{_steps(rng)}\n\n{closer}"
        example = _filled(example, later)
        if kind == "why":
            causes = " ".join(_filled(cause, slots) for cause in phrases.CAUSES)
            return f"{opener} {causes}\n\n{example} {closer}"
        if style.paragraphs:
            pool = [f"{opener} {body}", f"{key} {example}", more, closer]
            return "\n\n".join(pool[index % 4] for index in range(style.paragraphs))
        shape = rng.randrange(3)
        if shape == 0:
            return f"{opener} {body} {key}\n\n{example} {closer}"
        if shape == 1:
            return f"{opener} {body} {more}\n\n{key} {example}\n\n{closer}"
        return f"{opener} {body} {more} {closer}"

    return write


def _steps(rng: Random) -> str:
    chosen = sorted(rng.sample(range(len(phrases.STEPS)), 3 + rng.randrange(2)))
    return "\n".join(f"{number}. {phrases.STEPS[index]}" for number, index in enumerate(chosen, 1))


_WHY = Expression(r"(?:\w+,? )?why\b")
_HOW = Expression(r"\bhow (?:do|can|should|would|to|could)\b(?! (?:you say|it|they|this))")
_HOW_TO = Expression(r"\bhow to\b|\bhow (?:do|can|should|would|could) (?:i|we|you|one)\b")
_WHAT_TO = Expression(
    r"(?:\w+,? )?(?:what|which|where|when|who)\b[\w ]{0,24}? (?:should|could|can|would|might) (?:i|we|you)\b"
)
_WHO = Expression(r"(?:\w+,? )?who (?!(?:is|are|was|were)\b)")
_COMPARES = Expression(r"\bcompare\b|\bdifference|\bversus\b|\bvs\b")


def _kind(text: str) -> str:
    lowered = text.lower()
    if _WHY.match(lowered):
        return "why"
    if "how " in lowered and _HOW.search(lowered) and _HOW_TO.search(lowered):
        return "how"
    if _WHAT_TO.match(lowered):
        return "how"
    if _WHO.match(lowered):
        return "who"
    return "compare" if _COMPARES.search(lowered) else "thing"


def _short(question: Question) -> _Form:
    """A few words, of the sort that the question word calls for."""
    lowered = question.text.lower()
    if re.search(r"\bname\b", lowered) or lowered.startswith("who"):
        return lambda rng, slots: slots["name"]
    if lowered.startswith("when") or "date" in lowered:
        return lambda rng, slots: slots["date"]
    if lowered.startswith("where") or "city" in lowered:
        return lambda rng, slots: slots["city"]
    if _QUANTITY.search(question.text):
        return lambda rng, slots: str(rng.randrange(2, 60))
    return lambda rng, slots: f"{slots['T']}: {slots['w']} and {slots['x']}"


def _estimated(key: str, rng: Random, slots: Slots) -> str:
    figure = rng.randrange(2, 60)
    rest = _filled(pick(rng, phrases.KEYWORDS), {**slots, "k": key})
    return f"There is no single figure for that, but about {figure} is a reasonable estimate. {rest}"


def _listed(asked: str, question: Question) -> _Form:
    count = wanted_count(asked, 5)
    subject = re.sub(r"^(?:(?:\d+|\w+) )??(?:ideas|tips|ways|reasons|things|examples|facts|suggestions|benefits) "
                     r"(?:for|to|of|about|on|why|in)? ?", "", question.topic)  # fmt: skip
    subject = (
        re.sub(r"^(?:\d+|two|three|four|five|six|seven|eight|nine|ten|some|several) ", "", subject) or question.topic
    )
    named = {"t": subject, "T": subject[:1].upper() + subject[1:]}
    kind = re.search(r"\b(ideas|tips|ways|reasons|examples|facts|suggestions|benefits|steps)\b", asked, re.IGNORECASE)
    noun = f" {kind[1].lower()}" if kind and count > 1 else ""
    intro = f"Here {'is one' if count == 1 else f'are {count}{noun}'} for {subject}:"

    def write(rng: Random, slots: Slots) -> str:
        slots = {**slots, **named}
        items = rng.sample(phrases.ITEMS, count)
        numbered = "\n".join(f"{index}. {_filled(item, slots)}" for index, item in enumerate(items, 1))
        return f"{intro}\n\n{numbered}"

    return write


def _coded(asked: str, question: Question, slots: Slots) -> str:
    lowered = asked.lower()
    language = next((name for name in phrases.CODE if re.search(rf"\b{name}\b", lowered)), "python")
    if "query" in lowered and "python" not in lowered:
        language = "sql"
    skipped = STOP_WORDS | {
        language,
        "write",
        "function",
        "code",
        "create",
        "give",
        "show",
        "program",
        "query",
        "script",
    }
    parts = [word for word in question.keywords if word not in skipped and word.isidentifier()][:3] or ["example"]
    name = "_".join(parts)
    camel = parts[0] + "".join(part.capitalize() for part in parts[1:])
    template = phrases.CODE[language]
    if language == "python":
        template = next((code for word, code in phrases.PYTHON.items() if word in lowered), template)
    code = template.format(f=name, j=camel, c=parts[-1], t=question.topic, T=slots["T"])
    label = language.upper() if language in ("sql", "html") else language.capitalize()
    return (
        f"Here is one way to do it in {label}:\n\n```{language}\n{code}\n```\n\n"
        f"The names follow your request; adjust `{name}` to your own data before you use it."
    )


def _verse(asked: str, rng: Random, slots: Slots) -> str:
    slots = {**slots, "k": slots["t"], "K": slots["T"]}
    if "haiku" in asked.lower():
        return _filled(phrases.HAIKU, slots)
    first, second, third = rng.sample(phrases.VERSES[:3], 3)
    return "".join(_filled(verse, slots) for verse in (first, second, third, phrases.VERSES[3])).rstrip()


def _joke(asked: str, rng: Random, slots: Slots) -> str:
    match = re.search(r"\bjokes? (?:about|on|involving) (?:an? |the )?([\w ]+)", asked, re.IGNORECASE)
    subject = match[1].strip() if match else pick(rng, ("database", "notebook", "robot"))
    return pick(rng, phrases.JOKES).format(k=subject)


def _story(asked: str, rng: Random, slots: Slots) -> str:
    return _filled(phrases.STORY, slots)


def _letter(asked: str, rng: Random, slots: Slots) -> str:
    about = re.search(r"\b(?:about|regarding|on) (.+?)[.?!]?$", slots["t"])
    if about:
        slots = {**slots, "t": about[1], "T": about[1][:1].upper() + about[1][1:]}
    return _filled(phrases.LETTER, slots)


def _described(question: Question, rng: Random, slots: Slots) -> str:
    subject = "" if _IMAGE.search(question.topic) or not question.keywords else f" With regard to {question.topic}, it"
    colour, other = rng.sample(("red", "blue", "green", "grey", "white", "orange"), 2)
    tail = f"{subject or ' It'} is fairly plain, without text or other details that stand out."
    return f"This image appears to show a mostly {colour} area with a few {other} tones.{tail}"


_FORMS: tuple[tuple[tuple[str, ...], Expression, Callable[[str, Random, Slots], str]], ...] = (
    (("haiku", "poem", "limerick", "rhyme", "verse", "song"), _VERSE, _verse),
    (("joke", "laugh"), _JOKE, _joke),
    (("story", "tale"), _STORY, _story),
    (("mail", "letter", "memo", "message"), _LETTER, _letter),
)
