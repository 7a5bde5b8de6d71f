"""The questions that have a right answer: sums, names, facts, translations, what a given passage says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from . import knowledge
from .conversation import Conversation, Message
from .expressions import Expression, holds_any
from .stems import STOP_WORDS, stem, stem_set, stems, word_set
from .understanding import Question, sentences

_ECHO = Expression(
    r"(?:\b(?:say|repeat(?: after me| back)?|echo|print|output|reply|respond|answer|return|write)\b"
    r"(?: (?:me|back|only|just|exactly|simply|nothing but|with|the|a|single|word|words|phrase|text|following|string"
    r"|sentence|literally|verbatim|precisely|this))*:?)\s*"
)
_QUOTED = Expression(
    _ECHO.source + r"[\"'\u201c\u2018`]([^\"\u201d`\n]{1,200}?)[\"'\u201d\u2019`](?!\w)", re.IGNORECASE
)
_QUOTES = ('"', "'", "\u201c", "\u2018", "`")
_PLAIN = Expression(
    r"^(?:please |just |can you |could you |now )*(?:say|repeat after me:?|echo|repeat:?|(?:reply|respond"
    r"|answer|output"
    r"|return)(?: back)?(?: (?:with|only|just|exactly|the|single|word|phrase|following))*(?: (?:only|just"
    r"|exactly|word"
    r"|phrase|with)))(?::| )\s*([^\n]{1,60}?)[.!]?$",
    re.IGNORECASE,
)
_NOT_ECHO = Expression(
    r"\b(?:in|about|using)\b"
    r"|^(?:a|an|in|as|your|my|something|what|why|how|if|to|about|json|one|two|three|yes or|true or)\b",
    re.I,
)


def echoed(text: str) -> str | None:
    """What the user asks to hear back: ``Reply with only 'OK'`` gives ``OK``."""
    match = _QUOTED.search(text) if holds_any(text, _QUOTES) else None
    if match and "___" not in match[1]:
        return match[1]
    match = _PLAIN.match(text.strip())
    if match and not _NOT_ECHO.search(match[1]) and len(match[1].split()) <= 7:
        said = match[1].strip()
        return said if len(said.split()) == 1 else said[0].upper() + said[1:] + "."
    return None


_TOLD_NAME = Expression(
    r"\b(?i:my name is|call me|my name's|i am called) ([A-Z][\w'-]+(?: [A-Z][\w'-]+)?)|\bI(?:'m| am) "
    r"([A-Z][\w'-]+)(?=[.,!]|$| and\b)"
)
_TELLS_NAME = ("my name", "call me", "called", "i'm", "i am")
_ASKS_NAME = Expression(r"\b(?:what(?:'s| is| was) my name|who am i|remember my name|know my name)\b", re.IGNORECASE)
_ASKS_WHO = Expression(
    r"\b(?:who are you|what(?:'s| is) your name|introduce yourself|what are you\?|which model are you)", re.I
)
_OWN_NAME = Expression(r"\b(?i:your name is|you are called|you're called|you are|you're) ([A-Z][\w-]+)", 0)


def users_name(messages: Iterable[Message]) -> str:
    """The name the user gave, or nothing."""
    for message in reversed(tuple(messages)):
        if message.role != "user" or len(message.text) >= 20_000 or not holds_any(message.text.lower(), _TELLS_NAME):
            continue
        if match := _TOLD_NAME.search(message.text):
            return match[1] or match[2]
    return ""


def about_names(conversation: Conversation, asked: str, title: str) -> str | None:
    """The answer to a question about the user's name or the model's."""
    lowered = asked.lower()
    if not holds_any(lowered, ("name", "who ", "yourself", " are you", "which model")):
        return None
    if _ASKS_NAME.search(asked):
        name = users_name(conversation.messages)
        if name:
            return f"Your name is {name}, as you told me earlier."
        return "You haven't told me your name yet. What should I call you?"
    if _ASKS_WHO.search(asked):
        own = _OWN_NAME.search(conversation.system)
        return f"I'm {own[1] if own else title}, an AI assistant. How can I help you?"
    return None


_SUM = Expression(
    r"(?<![\w.])(-?\d+(?:\.\d+)?(?:\s*(?:[-+*/\u00d7\u00f7^x]|\*\*|plus|minus|times|multiplied by|divided by"
    r"|over)\s*\(?-?\d+(?:\.\d+)?\)?)+)(?![\w])",
    re.IGNORECASE,
)
_DIGIT = Expression(r"\d")
_ASKS_SUM = Expression(
    r"what(?:'s| is)|calculate|compute|evaluate|how much|solve|sum|product|=|\?|add|result", re.IGNORECASE
)
_OPERATORS: tuple[tuple[str, str], ...] = (
    (r"plus", "+"), (r"minus", "-"), (r"times|multiplied by|\u00d7|(?<=[\d\s])x(?=[\d\s])", "*"),
    (r"divided by|over|\u00f7", "/"),
    (r"\^", "**"),
)  # fmt: skip
_PIECE = Expression(r"\*\*|[-+*/()]|\d+(?:\.\d+)?")


def summed(text: str) -> tuple[str, str] | None:
    """An arithmetic expression in a text, and its value, when the text is about it: ``("4 * 3", "12")``."""
    match = _SUM.search(text) if _DIGIT.search(text) else None
    if match is None or (len(text) > len(match[0]) + 3 and not _ASKS_SUM.search(text)):
        return None
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", match[1].strip()):
        return None
    expression = match[1].strip().lower()
    for pattern, sign in _OPERATORS:
        expression = re.sub(pattern, sign, expression)
    value = _value(_PIECE.findall(expression))
    return None if value is None else (" ".join(match[1].split()), value)


_APPLY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}  # fmt: skip
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 3}


def _value(pieces: list[str]) -> str | None:
    """The value of an expression in infix order by two stacks; None where it has none."""
    numbers: list[float] = []
    signs: list[str] = []
    wants_number, negative = True, False
    try:
        for piece in pieces:
            if piece in "()":
                continue
            if wants_number:
                if piece == "-":
                    negative = True
                    continue
                numbers.append(-float(piece) if negative else float(piece))
                wants_number = negative = False
            else:
                while signs and _BINDS[signs[-1]] >= _BINDS[piece]:
                    _reduce(numbers, signs)
                signs.append(piece)
                wants_number = True
        while signs:
            _reduce(numbers, signs)
        result = numbers[0]
        return str(int(result)) if result == int(result) else f"{result:.6g}"
    except (ArithmeticError, IndexError, ValueError, KeyError, TypeError):
        return None


def _reduce(numbers: list[float], signs: list[str]) -> None:
    sign, right, left = signs.pop(), numbers.pop(), numbers.pop()
    if sign == "**" and abs(right) > 64:
        raise OverflowError
    numbers.append(_APPLY[sign](left, right))


_TAKES = Expression(
    r"\b(?:left|remain|remaining|gave|give|ate|eat|lost|lose|spent|spend|sold|sell|away|fewer|less)\b", re.I
)
_ADDS = Expression(r"\b(?:total|altogether|in all|more|bought|buy|got|get|found|together|now)\b", re.IGNORECASE)
_HOW_MUCH = Expression(r"\bhow (?:many|much)\b", re.IGNORECASE)


def reckoned(text: str) -> str | None:
    """The answer of a little word problem with two numbers: ``12 apples, 3 given away, how many are left?``"""
    numbers = re.findall(r"(?<![\w.-])\d{1,6}(?![\w.-]*\d)", text)
    if len(numbers) != 2 or not _HOW_MUCH.search(text):
        return None
    first, second = int(numbers[0]), int(numbers[1])
    if _TAKES.search(text) and first >= second:
        return f"{first} - {second} = {first - second}"
    return f"{first} + {second} = {first + second}" if _ADDS.search(text) else None


_COUNTING = Expression(r"\bcount (?:up |down )?(?:from )?(\d{1,3})? ?(?:to|until) (\d{1,3})\b", re.IGNORECASE)


def counted(text: str) -> str | None:
    """The numbers of ``Count from 1 to 10``."""
    match = _COUNTING.search(text)
    if match is None:
        return None
    start, end = int(match[1] or 1), int(match[2])
    step = 1 if end >= start else -1
    return ", ".join(str(number) for number in range(start, end + step, step)) + "."


_TRANSLATE = Expression(
    r"\btranslate\b(?:(?: the)?(?: following)?(?: text| sentence| phrase| word| this)?)?(?: from \w+)?"
    r"(?: (?:in)?to (\w+))?:?\s*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_HOW_SAY = Expression(r"\bhow (?:do|would) (?:you|i|we) say [\"'\u201c]?(.+?)[\"'\u201d]? in (\w+)", re.IGNORECASE)
_INTO = Expression(r"\s*(?:in)?to (\w+)[.?!]?$|(?:in)?to (\w+):?\s*", re.IGNORECASE)


def translated(text: str) -> str | None:
    """A translation by phrase book: whole phrases where it has them, word by word otherwise."""
    match = _HOW_SAY.search(text)
    if match:
        source, language = match[1], match[2]
    else:
        match = _TRANSLATE.search(text)
        if match is None:
            return None
        language, source = match[1] or "", match[2]
        if not language and (into := re.search(r"\b(?:in)?to ([A-Za-z]+)[.?!:]?\s*", source)):
            language, source = into[1], source[: into.start()] + source[into.end() :]
    book = knowledge.PHRASES.get(language.lower())
    if book is None:
        return None
    source = source.strip().strip("\"'\u201c\u201d:. \n")
    return _by_phrase_book(source, book) or None


def _by_phrase_book(source: str, book: dict[str, str]) -> str:
    plain = re.sub(r"[^\w' ]", "", source.lower()).strip()
    if plain in book:
        phrase = book[plain]
        return phrase[:1].upper() + phrase[1:] if source[:1].isupper() else phrase
    words = [book.get(re.sub(r"[^\w']", "", word).lower(), word) for word in source.split()]
    joined = " ".join(words)
    return joined[:1].upper() + joined[1:]


_SENTIMENT = Expression(
    r"\bsentiment\b|\bpositive or negative\b|\bpositive, negative\b|\bclassify\b.{0,40}\breview", re.I | re.S
)


def sentiment(text: str) -> str:
    """``positive``, ``negative`` or ``neutral`` by the words of a text."""
    found = re.findall(r"[a-z']+", text.lower())
    score = sum(word in knowledge.POSITIVE for word in found) - sum(word in knowledge.NEGATIVE for word in found)
    score -= 2 * len(
        re.findall(
            r"\b(?:not|isn't|wasn't|never|don't|didn't) (?:\w+ )?(?:good|great|happy|like|recommend|work)", text, re.I
        )
    )
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"


def judged(text: str) -> str | None:
    """The sentiment of the text that a request brings along, as one capitalised word."""
    if not _SENTIMENT.search(text):
        return None
    body = re.sub(r"(?i)\b(?:positive|negative|neutral)\b", "", text)
    return sentiment(body).capitalize()


_WORD = Expression(r"[\w']+")


def known(question: Question) -> str | None:
    """A fact or a definition that the mock happens to know."""
    lowered = question.text.lower()
    if "capital" in lowered:
        for country, capital in knowledge.CAPITALS.items():
            if re.search(rf"\b{country}\b", lowered):
                named = country.upper() if len(country) < 4 else country.title()
                article = "the " if named.startswith(("United", "UK", "US", "Netherlands", "Philippines")) else ""
                return f"The capital of {article}{named} is {capital.removesuffix('.')}."
    present = {stem(word) for word in _WORD.findall(lowered)}
    if present.isdisjoint(knowledge.FACT_WORDS):
        return None
    for needed, answer in knowledge.FACTS:
        if needed <= present:
            return answer
    return None


def defined(question: Question) -> str | None:
    """The glossary's definition of the topic."""
    topic = question.topic.lower().removeprefix("the ").strip("\"'")
    return knowledge.GLOSSARY.get(topic)


_SUMMARISE = Expression(r"\b(?:summari[sz]e|summary of|tl;?dr|key points|main points)\b", re.IGNORECASE)


def summary(text: str, limit: int = 2) -> str | None:
    """The sentences that carry most of the text that a request brings along, in their order."""
    match = _SUMMARISE.search(text)
    if match is None:
        return None
    after = text[match.end() :]
    cut = re.search(r":\s|\n", after)
    body = after[cut.end() :] if cut else ""
    if len(body.split()) < 8:
        body = text[: match.start()] if len(text[: match.start()].split()) >= 8 else body
    found = [sentence for sentence in sentences(body) if len(sentence.split()) > 3]
    if not found:
        return None
    weights: dict[str, int] = {}
    for word in stems(body):
        weights[word] = weights.get(word, 0) + 1
    scored = sorted(found, key=lambda s: -sum(weights.get(w, 0) for w in set(stems(s))) / (8 + len(s.split())))
    kept = set(scored[:limit])
    return " ".join(_ended(sentence) for sentence in found if sentence in kept)


def _ended(sentence: str) -> str:
    return sentence if sentence[-1:] in ".!?\"'\u201d" else sentence + "."


_INSTRUCTS = Expression(
    r"^(?:you are|you're|your (?:task|job|role)|answer|use the|based on|given the|always|never|if you|do not"
    r"|please|context:?$|question|respond|reply|be )",
    re.I,
)
_EXPLICIT = Expression(
    r"\b(?:context|passage|document|documents|article|excerpt|text|according to|based on|knowledge)\b", re.I
)
_LABEL = Expression(
    r"^(?:context|passage|document|source|text|content|article|\[?\d+\]?)\s*\d*\s*[:.\])]\s*", re.IGNORECASE
)
_FLIP = (
    (Expression(r"\bI am\b|\bI'm\b"), "you are"), (Expression(r"\bmy\b", re.I), "your"),
    (Expression(r"\bI\b"), "you"), (Expression(r"\bme\b"), "you"),
)  # fmt: skip


def found_in_context(conversation: Conversation, question: Question) -> str | None:
    """The sentence, of all that the conversation brought along, that answers the question best; None if none fits."""
    wanted = {stem(word) for word in question.keywords if word not in _FILLERS}
    if not wanted:
        return None
    best, score, role = "", 0.0, ""
    for message in conversation.messages:
        if message.role not in ("system", "developer", "user", "assistant") or len(message.text) > 60_000:
            continue
        for sentence in sentences(message.text):
            if (
                sentence.endswith("?")
                or sentence in question.text
                or question.text in sentence
                or _INSTRUCTS.match(sentence)
            ):
                continue
            shared = len(wanted & stem_set(sentence))
            fit = shared + shared / (10 + len(sentence.split()))
            if shared and fit > score:
                best, score, role = sentence, fit, message.role
    if not best:
        return None
    explicit = bool(_EXPLICIT.search(conversation.system) or _EXPLICIT.search(conversation.asked))
    needed = 1 if explicit or len(wanted) == 1 else min(2, len(wanted))
    if int(score) < needed or len(best.split()) < 3:
        return None
    best = _LABEL.sub("", best)
    if role == "user" and not explicit:
        for pattern, other in _FLIP:
            best = pattern.sub(other, best)
    return _ended(best[:1].upper() + best[1:])


_FILLERS = word_set("context question answer following based given according document passage text tell") | STOP_WORDS
