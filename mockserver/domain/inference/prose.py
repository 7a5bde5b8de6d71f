"""Coherent English that picks up what was asked. The same conversation and the same randomness give the same text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from . import phrases, skills
from .conversation import Conversation, Message
from .stems import STOP_WORDS
from .understanding import Question, Style, question_of, sentences, style_of, wanted_count
from .words import Vocabulary

_GREETING = re.compile(
    r"^(?:hi|hello|hey|howdy|greetings|good (?:morning|afternoon|evening)|hiya)\b[^?]{0,30}$", re.IGNORECASE
)
_SMALL_TALK = re.compile(r"^(?:[^?]{0,20}\b)?how are you\b", re.IGNORECASE)
_THANKS = re.compile(r"^(?:thanks|thank you|thx|cheers|great,? thanks)\b[^?]{0,40}$", re.IGNORECASE)
_FAREWELL = re.compile(r"^(?:bye|goodbye|see you|farewell)\b", re.IGNORECASE)
_YES_NO = re.compile(r"\b(?:yes or no|true or false|yes/no|true/false)\b", re.IGNORECASE)
_LIST = re.compile(
    r"\b(?:list|bullet points?|brainstorm|suggest|recommend|(?:give|name|tell|show|write|what "
    r"are)\b.{0,24}?\b(?:\d{1,2}|two"
    r"|three|four|five|six|seven|eight|nine|ten|some|several|a few|the main|the best)\b (?!sentences?|words?"
    r"|paragraphs?))",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\b(?:write|create|give|show|implement|generate|need)\b.{0,40}\b(function|code|script|program|query"
    r"|class|snippet"
    r"|method|algorithm|page)\b|\b(?:in|using) (?:python|javascript|typescript|sql|rust|java|go|bash)\b"
    r"|\bselect\b.+\bfrom\b",
    re.IGNORECASE,
)
_VERSE = re.compile(r"\b(haiku|poem|limerick|rhyme|verse|song)\b", re.IGNORECASE)
_JOKE = re.compile(r"\bjokes?\b|\bmake me laugh\b", re.IGNORECASE)
_STORY = re.compile(r"\b(?:story|tale|fairy ?tale)\b", re.IGNORECASE)
_LETTER = re.compile(r"\b(?:write|draft|compose)\b.{0,30}\b(?:e-?mail|letter|memo|message)\b", re.IGNORECASE)
_IMAGE = re.compile(r"\b(?:image|picture|photo|screenshot|diagram|chart)\b", re.IGNORECASE)
_QUANTITY = re.compile(r"^(?:so |and )?how (?:many|much|old|far|long|big|tall|often|fast)\b", re.IGNORECASE)
_LONG = 12_000
_SHORT = 4000


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a conversation asks for, as far as chance plays no part. ``exact`` is the answer that is right, if any."""

    asked: str
    style: Style
    question: Question
    exact: str | None


def reply(conversation: Conversation, rng: Random, vocabulary: Vocabulary, title: str) -> str:
    """The text that a model named ``title`` answers."""
    short = sum(len(message.text) for message in conversation.messages) < _SHORT
    reading = _read_again(conversation.messages, title) if short else _read(conversation, title)
    if reading.style.language:
        return phrases.FOREIGN[reading.style.language].format(t=reading.question.topic)
    text = reading.exact
    if text is None:
        text = _written(conversation, reading.asked, reading.question, reading.style, rng, vocabulary)
    return styled(text, reading.style)


@lru_cache(maxsize=1024)
def _read_again(messages: tuple[Message, ...], title: str) -> _Reading:
    """The reading of a short conversation: load tests and retries ask the same again and again."""
    return _read(Conversation(messages), title)


def _read(conversation: Conversation, title: str) -> _Reading:
    asked = conversation.asked
    if len(asked) > _LONG:
        asked = f"{asked[: _LONG // 2]}\n{asked[-_LONG // 2 :]}"
    style = style_of(conversation)
    question = _in_context_of_earlier_turns(question_of(asked), conversation)
    return _Reading(asked, style, question, _exact(conversation, asked, question, style, title))


def _in_context_of_earlier_turns(question: Question, conversation: Conversation) -> Question:
    """A follow-up such as ``Why?`` or ``Tell me more`` takes its topic from the turn before."""
    if question.keywords and len(question.text.split()) > 3:
        return question
    earlier = [m.text for m in conversation.messages if m.role == "user"][:-1]
    if not earlier or (question.keywords and question.topic):
        return question
    before = question_of(earlier[-1])
    return Question(question.text or before.text, before.topic, before.keywords)


_SKILLS: tuple[tuple[Callable[[str], str | None], tuple[str, ...]], ...] = (
    (skills.reckoned, ("how m",)),
    (skills.counted, ("count",)),
    (skills.translated, ("translat", " say ")),
    (skills.judged, ("sentiment", "positive", "classify")),
    (skills.summary, ("summar", "tl;dr", "tldr", "points")),
)


def _exact(conversation: Conversation, asked: str, question: Question, style: Style, title: str) -> str | None:
    """The answers that are right or wrong rather than written."""
    lowered = asked.lower()
    said = skills.echoed(asked)
    if said is not None:
        return said
    about = skills.about_names(conversation, asked, title)
    if about:
        name = skills.users_name(conversation.messages)
        return name if style.terse and name and name in about else about
    result = skills.summed(asked)
    if result:
        expression, value = result
        return value if style.terse or style.words or style.frame or "just" in lowered else f"{expression} = {value}"
    for skill, signs in _SKILLS:
        if any(sign in lowered for sign in signs):
            found = skill(asked)
            if found:
                return found
    found = skills.known(question) or skills.found_in_context(conversation, question)
    if found and style.terse:
        return re.sub(r"^(?:The .{0,60}? is|That is|There are) ", "", found)
    return found


def _written(
    conversation: Conversation, asked: str, question: Question, style: Style, rng: Random, vocabulary: Vocabulary
) -> str:
    lowered = asked.lower()
    greeting = _small_talk(asked.strip(), skills.users_name(conversation.messages), rng)
    if greeting:
        return greeting
    slots = _slots(question, rng, vocabulary)
    if (" or no" in lowered or "/no" in lowered or "or false" in lowered) and _YES_NO.search(asked):
        pair = ("True", "False") if "true" in lowered else ("Yes", "No")
        return f"{rng.choice(pair)}."
    if conversation.messages and conversation.messages[-1].images:
        return _described(question, rng, slots)
    if _CODE.search(asked):
        return _coded(asked, question, slots)
    for signs, pattern, write in _FORMS:
        if any(sign in lowered for sign in signs) and pattern.search(asked):
            return write(asked, rng, slots)
    definition = skills.defined(question)
    if style.terse:
        return definition or _short(question, rng, slots)
    if _LIST.search(asked):
        return _listed(asked, question, rng, slots)
    if "how " in lowered and _QUANTITY.search(question.text):
        return f"There is no single figure for that, but about {rng.randrange(2, 60)} is a reasonable estimate. " + (
            _filled(rng.choice(phrases.KEYWORDS), {**slots, "k": question.keywords[0] if question.keywords else "that"})
        )
    return _explained(question, definition, style, rng, slots)


def _small_talk(asked: str, name: str, rng: Random) -> str:
    suffix = f", {name}" if name else ""
    if _SMALL_TALK.match(asked):
        return f"I'm doing well, thank you for asking{suffix}! How can I help you today?"
    if _GREETING.match(asked) or not asked:
        return rng.choice(phrases.GREETINGS).format(n=suffix)
    if name and re.fullmatch(r"(?:hi[,!.]? |hello[,!.]? )?(?:my name is|i'm|i am|call me) [\w' -]+[.!]?", asked, re.I):
        return f"Nice to meet you{suffix}! How can I help you today?"
    if _THANKS.match(asked):
        return rng.choice(phrases.THANKS)
    return rng.choice(phrases.FAREWELLS) if _FAREWELL.match(asked) else ""


_NOT_PLURAL = ("ss", "us", "is", "ics", "as")


def _is_plural(topic: str) -> bool:
    head = re.split(r" (?:of|in|for|on|with|at|from|to|that|which|who)\b", topic)[0].lower()
    last = head.rpartition(" ")[2]
    return " and " in head or (len(last) > 3 and last.endswith("s") and not last.endswith(_NOT_PLURAL))


def _slots(question: Question, rng: Random, vocabulary: Vocabulary) -> dict[str, str]:
    """What fills the templates: the topic with its grammar, and invented names."""
    topic = question.topic or "that"
    plural = _is_plural(topic)
    first, second = rng.sample(vocabulary.words, 2)
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
        "w": first,
        "x": second,
        "name": f"{rng.choice(vocabulary.first_names)} {rng.choice(vocabulary.last_names)}",
        "to": rng.choice(vocabulary.first_names),
        "company": rng.choice(vocabulary.companies),
        "city": rng.choice(vocabulary.cities),
        "date": rng.choice(vocabulary.dates),
        "job": rng.choice(vocabulary.jobs).lower(),
        "product": rng.choice(vocabulary.products).lower(),
    }


def _filled(template: str, slots: dict[str, str]) -> str:
    return template.format_map(slots)


def _explained(question: Question, definition: str | None, style: Style, rng: Random, slots: dict[str, str]) -> str:
    """One to three paragraphs: the point, what lies behind it, an example or steps, a close."""
    kind = _kind(question.text)
    later = {**slots, "t": "it" if kind == "thing" else "this", "T": "This", "is": "is", "it": "it", "s": "s"}
    opener = definition or _filled(rng.choice(phrases.OPENERS[kind]), slots)
    first, *more = rng.sample(phrases.BODIES, 3)
    bodies = [_filled(first, slots if kind == "thing" else later), *(_filled(template, later) for template in more)]
    keyword = _filled(rng.choice(phrases.KEYWORDS), slots) if slots["k"] != slots["t"] else bodies.pop()
    example = _filled(rng.choice(phrases.EXAMPLES), later)
    closer = _filled(rng.choice(phrases.CLOSERS), later)
    if style.sentences or style.words:
        return " ".join([opener, *bodies][: style.sentences or 3])
    if kind == "how":
        chosen = sorted(rng.sample(range(len(phrases.STEPS)), 3 + rng.randrange(2)))
        steps = [phrases.STEPS[index] for index in chosen]
        numbered = "\n".join(f"{index}. {step}" for index, step in enumerate(steps, 1))
        return f"{opener}\n\n{numbered}\n\n{closer}"
    if kind == "why":
        causes = " ".join(_filled(cause, slots) for cause in phrases.CAUSES)
        return f"{opener} {causes}\n\n{example} {closer}"
    shapes = (
        f"{opener} {bodies[0]} {keyword}\n\n{example} {closer}",
        f"{opener} {bodies[0]} {bodies[1]}\n\n{keyword} {example}\n\n{closer}",
        f"{opener} {bodies[0]} {bodies[1]} {closer}",
    )
    if style.paragraphs:
        pool = [f"{opener} {bodies[0]}", f"{keyword} {example}", bodies[1], closer]
        return "\n\n".join(pool[index % 4] for index in range(style.paragraphs))
    return shapes[rng.randrange(3)]


def _kind(text: str) -> str:
    lowered = text.lower()
    if re.match(r"(?:\w+,? )?why\b", lowered):
        return "why"
    if re.search(r"\bhow (?:do|can|should|would|to|could)\b(?! (?:you say|it|they|this))", lowered) and (
        re.search(r"\bhow to\b|\bhow (?:do|can|should|would|could) (?:i|we|you|one)\b", lowered)
    ):
        return "how"
    if re.match(
        r"(?:\w+,? )?(?:what|which|where|when|who)\b[\w ]{0,24}? (?:should|could|can|would|might) (?:i|we|you)\b",
        lowered,
    ):
        return "how"
    if re.match(r"(?:\w+,? )?who (?!(?:is|are|was|were)\b)", lowered):
        return "who"
    return "compare" if re.search(r"\bcompare\b|\bdifference|\bversus\b|\bvs\b", lowered) else "thing"


def _short(question: Question, rng: Random, slots: dict[str, str]) -> str:
    """A few words, of the sort that the question word calls for."""
    lowered = question.text.lower()
    if re.search(r"\bname\b", lowered) or lowered.startswith("who"):
        return slots["name"]
    if lowered.startswith("when") or "date" in lowered:
        return slots["date"]
    if lowered.startswith("where") or "city" in lowered:
        return slots["city"]
    if _QUANTITY.search(question.text):
        return str(rng.randrange(2, 60))
    return f"{slots['T']}: {slots['w']} and {slots['x']}"


def _listed(asked: str, question: Question, rng: Random, slots: dict[str, str]) -> str:
    count = wanted_count(asked, 5)
    subject = re.sub(r"^(?:(?:\d+|\w+) )??(?:ideas|tips|ways|reasons|things|examples|facts|suggestions|benefits) "
                     r"(?:for|to|of|about|on|why|in)? ?", "", question.topic)  # fmt: skip
    subject = (
        re.sub(r"^(?:\d+|two|three|four|five|six|seven|eight|nine|ten|some|several) ", "", subject) or question.topic
    )
    slots = {**slots, "t": subject, "T": subject[:1].upper() + subject[1:]}
    items = rng.sample(phrases.ITEMS, count)
    numbered = "\n".join(f"{index}. {_filled(item, slots)}" for index, item in enumerate(items, 1))
    kind = re.search(r"\b(ideas|tips|ways|reasons|examples|facts|suggestions|benefits|steps)\b", asked, re.IGNORECASE)
    noun = f" {kind[1].lower()}" if kind and count > 1 else ""
    return f"Here {'is one' if count == 1 else f'are {count}{noun}'} for {subject}:\n\n{numbered}"


def _coded(asked: str, question: Question, slots: dict[str, str]) -> str:
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


def _verse(asked: str, rng: Random, slots: dict[str, str]) -> str:
    slots = {**slots, "k": slots["t"], "K": slots["T"]}
    if "haiku" in asked.lower():
        return _filled(phrases.HAIKU, slots)
    first, second, third = rng.sample(phrases.VERSES[:3], 3)
    return "".join(_filled(verse, slots) for verse in (first, second, third, phrases.VERSES[3])).rstrip()


def _joke(asked: str, rng: Random, slots: dict[str, str]) -> str:
    match = re.search(r"\bjokes? (?:about|on|involving) (?:an? |the )?([\w ]+)", asked, re.IGNORECASE)
    subject = match[1].strip() if match else rng.choice(("database", "notebook", "robot"))
    return rng.choice(phrases.JOKES).format(k=subject)


def _story(asked: str, rng: Random, slots: dict[str, str]) -> str:
    return _filled(phrases.STORY, slots)


def _letter(asked: str, rng: Random, slots: dict[str, str]) -> str:
    about = re.search(r"\b(?:about|regarding|on) (.+?)[.?!]?$", slots["t"])
    if about:
        slots = {**slots, "t": about[1], "T": about[1][:1].upper() + about[1][1:]}
    return _filled(phrases.LETTER, slots)


def _described(question: Question, rng: Random, slots: dict[str, str]) -> str:
    subject = "" if _IMAGE.search(question.topic) or not question.keywords else f" With regard to {question.topic}, it"
    colour, other = rng.sample(("red", "blue", "green", "grey", "white", "orange"), 2)
    tail = f"{subject or ' It'} is fairly plain, without text or other details that stand out."
    return f"This image appears to show a mostly {colour} area with a few {other} tones.{tail}"


Writer = Callable[[str, Random, dict[str, str]], str]
_FORMS: tuple[tuple[tuple[str, ...], re.Pattern[str], Writer], ...] = (
    (("haiku", "poem", "limerick", "rhyme", "verse", "song"), _VERSE, _verse),
    (("joke", "laugh"), _JOKE, _joke),
    (("story", "tale"), _STORY, _story),
    (("mail", "letter", "memo", "message"), _LETTER, _letter),
)


def thought(conversation: Conversation, rng: Random) -> str:
    """The summary of a reasoning model's thinking."""
    question = question_of(conversation.asked)
    text = rng.choice(phrases.THOUGHTS).format(q=_quoted(question.text), t=question.topic or "the request")
    if conversation.results:
        text += " The tool has returned its result, so I can use it in the answer."
    elif conversation.tools and conversation.choice != "none":
        text += f" There {'is a tool' if len(conversation.tools) == 1 else 'are tools'} that may help."
    return text


def _quoted(text: str) -> str:
    short = text if len(text) < 160 else text[:157].rstrip() + "..."
    return f'"{short}"'


def continued(prompt: str, rng: Random, vocabulary: Vocabulary) -> str:
    """What a completion model writes after a prompt that is not a question."""
    question = question_of(prompt[-600:])
    slots = _slots(question, rng, vocabulary)
    bodies = [_filled(template, slots) for template in rng.sample(phrases.BODIES, 2)]
    lead = " " if prompt[-1:] in ".!?" else ", " if prompt[-1:].isalnum() else ""
    first = bodies[0] if lead != ", " else "and " + bodies[0][0].lower() + bodies[0][1:]
    return f"{lead}{first} {_filled(rng.choice(phrases.EXAMPLES), slots)} {bodies[1]}"


def styled(text: str, style: Style) -> str:
    """The text with the looks that were asked for."""
    if style == _PLAIN_STYLE:
        return text
    if style.sentences:
        text = " ".join(sentences(text)[: style.sentences])
    if style.words:
        text = " ".join(text.split()[: style.words]).rstrip(",;:")
    if style.frame:
        text = re.sub(r"_{2,}", lambda _: text.rstrip(".").strip(), style.frame)
    if style.persona:
        before, after = phrases.PERSONAS[style.persona]
        text = before + text + after
    if style.prefix and not text.startswith(style.prefix):
        text = f"{style.prefix} {text}"
    if style.suffix and not text.endswith(style.suffix):
        text = f"{text} {style.suffix}"
    if style.bare:
        text = re.sub(r"[.,;:!?](?=\s|$)", "", text)
    if style.upper:
        return text.upper()
    return text.lower() if style.lower else text


_PLAIN_STYLE = Style()
