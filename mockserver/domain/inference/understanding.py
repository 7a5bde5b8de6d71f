"""What a person wants: the question in a text, its topic, and how the answer should look."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .conversation import Conversation
from .expressions import Expression, holds_any
from .stems import STOP_WORDS, words

_SENTENCE = Expression(r"[^.!?\n]+(?:[.!?](?![\s\"')\]]|$)[^.!?\n]*)*[.!?]*[\"')\]]*")
_POLITE = Expression(
    r"^(?:(?:please|kindly|hey|hi|hello|so|ok|okay|well|and|now|also|then|but)\b[,!]?\s+"
    r"|(?:can|could|would|will) you (?:please |kindly |also )?|i(?:'d| would) like (?:you )?to |i want (?:you )?to "
    r"|i need (?:you )?to |help me (?:to )?(?=\w)|let's |do you know |can i ask )+",
    re.IGNORECASE,
)
_ASKING = Expression(
    r"^(?:(?:what|which [\w ]{1,20}?|where|when|who)(?: else)? (?:should|could|can|would|might|must) (?:i|we|you|one)"
    r"|what(?:'s| is| are| was| were)|who(?:'s| is| are| was| were)|where(?:'s| is| are| was| were)"
    r"|when(?:'s| is| are| was| were)|explain|describe|define|discuss|introduce|outline|compare|analy[sz]e|review"
    r"|summari[sz]e|tell (?:me|us)(?: more| something| a (?:bit|little|lot))?(?: about| what| how| why)?|talk about"
    r"|(?:write|give|make|create|draft|compose|generate|produce)(?: me| us)?"
    r"(?: (?:a|an|the|some|one|two|three|four|five|\d+))?"
    r"(?: [\w-]+){0,4}? (?:about|on|of|for|to|describing|explaining)"
    r"|(?:list|name|suggest|recommend|brainstorm|give|show)(?: me| us)?(?: (?:a|an|the|some|one|two|three"
    r"|four|five|six"
    r"|seven|eight|nine|ten|\d+))?|what do you (?:know|think) (?:about|of)|what (?:does|do)"
    r"|why (?:is|are|do|does|did|was|were|should|would|can't|can)|how (?:do|can|should|would|could|might) "
    r"(?:i|we|you|one)"
    r"|how (?:does|do)|how to|how (?:is|are|was|were)|who|when (?:did|does|do|will)|where (?:did|does|do|can)"
    r"|which|what|how|why|is|are"
    r"|do|does|did|should|would|could)\s+",
    re.IGNORECASE,
)
_TRAILING = Expression(
    r"(?:[,;]? (?:please|to me|for me|for us|briefly|in detail|in depth|in (?:one|two|three|four|five|\w+"
    r"|\d+) (?:short |simple )?"
    r"(?:sentences?|words?|paragraphs?|lines?|bullet points)|in simple terms|in plain english|step by step"
    r"|with examples?"
    r"|like i'?m (?:five|5)|to a (?:child|beginner)|to a five.year.old|work|mean|today|in json(?: format)?|as "
    r"json))+$",
    re.IGNORECASE,
)
_TRAILS = (
    "please", "me", "us", "briefly", "detail", "depth", "sentence", "sentences", "word", "words", "paragraph",
    "paragraphs", "line", "lines", "bullet points", "terms", "english", "step by step", "example", "examples", "five",
    "5", "child", "beginner", "old", "work", "mean", "today", "json", "format",
)  # fmt: skip
"""What a text ends with that has such a tail."""
_ARTICLE = Expression(r"^(?:a|an|some|any) ", re.IGNORECASE)
_CLAUSE = Expression(r"(?:i|you|he|she|we|they|it|there|this|that|if|when|because|given|below)\b", re.IGNORECASE)
_INSTRUCTIONS = (
    "answer ask compare compose create describe discuss draft explain generate give introduce list make name outline "
    "provide many much several question reply respond review show suggest summarise summarize tell terms "
    "write simple short sentence"
)
_IDLE = STOP_WORDS | frozenset(_INSTRUCTIONS.split())
_SECOND_PERSON = {
    "my": "your", "me": "you", "i": "you", "mine": "yours", "myself": "yourself", "our": "your", "we": "you",
    "i'm": "you're", "i've": "you've", "am": "are",
}  # fmt: skip
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12,
}  # fmt: skip
_COUNT = Expression(
    r"\b(\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|twelve)\s+(?:[\w'-]+\s+){0,3}?"
    r"(?:things|ideas|ways|tips|reasons|facts|examples|items|names|steps|benefits|questions|points|words"
    r"|cities|countries"
    r"|books|movies|films|animals|colou?rs|fruits|features|advantages|\w+s)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Style:
    """How the answer should look, as the system prompt and the question ask."""

    terse: bool = False
    upper: bool = False
    lower: bool = False
    bare: bool = False
    sentences: int = 0
    words: int = 0
    paragraphs: int = 0
    prefix: str = ""
    suffix: str = ""
    frame: str = ""
    persona: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """The sentence that asks, its topic as a phrase that can stand in an answer, and the words that carry it."""

    text: str
    topic: str
    keywords: tuple[str, ...]


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, trimmed; headings and list items count as sentences."""
    return [sentence for found in _SENTENCE.findall(text) if len(sentence := found.strip()) > 1]


def question_of(text: str) -> Question:
    """The question in a text: its last sentence with a question mark, else the first that is not a greeting."""
    candidates = sentences(text)
    asking = [sentence for sentence in candidates if sentence.endswith("?")]
    if asking:
        sentence = asking[-1]
    else:
        longer = [sentence for sentence in candidates if len(sentence.split()) > 2]
        sentence = (longer or candidates or [text.strip()])[0]
    sentence = sentence[:400]
    keywords = tuple(dict.fromkeys(word for word in words(sentence) if word not in _IDLE and len(word) > 1))
    topic = topic_of(sentence)
    if len(topic.split()) > 10 or _CLAUSE.match(topic):
        topic = " and ".join(keywords[:2])
    return Question(sentence, topic, keywords)


def topic_of(sentence: str) -> str:
    """The phrase that a question is about: ``the ocean`` of ``Can you tell me about the ocean, please?``"""
    text = _POLITE.sub("", sentence.strip().strip("\"'").rstrip("?!. ")).strip()
    text = _ASKING.sub("", text, count=1).strip()
    if text.lower().endswith(_TRAILS):
        text = _TRAILING.sub("", text)
    text = text.strip(" ,;:")
    text = _ARTICLE.sub("", text)
    if len(text.split()) > 14:
        text = " ".join(text.split()[:14]).rstrip(",;:")
    return " ".join(_SECOND_PERSON.get(word.lower(), word) for word in text.split())


def wanted_count(text: str, otherwise: int) -> int:
    """How many things a request wants (``five ideas``), at most twelve."""
    match = _COUNT.search(text)
    if match is None:
        return otherwise
    word = match[1].lower()
    return max(1, min(12, _NUMBERS.get(word) or int(word)))


_UPPER = Expression(r"\b(?:upper ?case|capital letters|all caps)\b", re.IGNORECASE)
_LOWER = Expression(r"\blower ?case\b", re.IGNORECASE)
_TERSE = Expression(
    r"\b(?:terse(?:ly)?|minimal output|very short|be brief|briefly|be concise|concisely|concise|short answer"
    r"|just the "
    r"(?:answer|number|name|result)|only the (?:answer|number|name|result|word)|one word|single word|one-word"
    r"|as (?:short|brief|few) as)\b",
    re.IGNORECASE,
)
_BARE = Expression(r"\bno(?:t even)? punctuation|without punctuation", re.IGNORECASE)
_SENTENCES = Expression(
    r"\b(?:in|use|only|exactly|at most|with) (one|a single|two|three|four|five|\d) (?:short |simple "
    r")?sentences?",
    re.I,
)
_PARAGRAPHS = Expression(r"\b(one|a single|two|three|four|five|six|\d)[ -](?:short |long )?paragraphs?", re.IGNORECASE)
_WORDS = Expression(
    r"\b(?:in|under|at most|up to|fewer than|less than|no more than|within|maximum|max)(?: of)?(?: about)? "
    r"(one|two|three|four|five|ten|\d{1,3})(?: or (?:fewer|less))? words?",
    re.IGNORECASE,
)
_QUOTED = r"[\"'\u201c\u2018]([^\"\u201d\u2019\n]{1,80}?)[\"'\u201d\u2019](?![a-z])"
_PREFIX = Expression(
    rf"\b(?:begin|start|open|prefix)\b[^.\n]{{0,60}}? with (?:the (?:word|phrase|text) )?{_QUOTED}", re.I
)
_SUFFIX = Expression(
    rf"\b(?:end|finish|close|sign)\b[^.\n]{{0,60}}? with (?:the (?:word|phrase|text) )?{_QUOTED}", re.I
)
_FRAME = Expression(
    r"\b(?:reply|answer|respond)\b[^.\n]{0,30}? with [\"'\u201c\u2018]"
    r"([^\"\u201d\u2019\n]*_{2,}[^\"\u201d\n]*?)[\"'\u201d\u2019](?!\w)",
    re.I,
)
_LANGUAGE = Expression(
    r"\b(?:answer|respond|reply|speak|write|talk|communicate)\b[^.\n]{0,40}? in (french|spanish|german"
    r"|italian|portuguese)\b",
    re.IGNORECASE,
)
_PERSONA = Expression(r"\b(pirate|shakespeare|cowboy|robot)\b", re.IGNORECASE)


_SIGNS = (
    " with ", "__", "pirate", "shakesp", "cowboy", "robot", "french", "spanish", "german", "italian", "portuguese",
    "terse", "minimal", "short", "brief", "concise", "just", "only", "word", "few", "case", "capital", "caps",
    "punctuation", "sentence", "paragraph",
)  # fmt: skip
"""What a text has in it that asks for any looks."""
PLAIN = Style()
"""No looks in particular."""


def style_of(conversation: Conversation) -> Style:
    """The looks that the system prompt and the last question ask for."""
    asked = conversation.asked
    text = f"{conversation.system}\n{asked if len(asked) < 1500 else asked[:700] + asked[-700:]}"
    lowered = text.lower()

    if not holds_any(lowered, _SIGNS):
        return PLAIN

    def search(pattern: Expression, *signs: str) -> re.Match[str] | None:
        return pattern.search(text) if holds_any(lowered, signs) else None

    prefix, suffix = search(_PREFIX, " with "), search(_SUFFIX, " with ")
    frame = search(_FRAME, "__")
    persona = _PERSONA.search(conversation.system) if search(_PERSONA, "pirate", "shakesp", "cowboy", "robot") else None
    language = search(_LANGUAGE, "french", "spanish", "german", "italian", "portuguese")
    return Style(
        terse=search(_TERSE, "terse", "minimal", "short", "brief", "concise", "just", "only", "word", "few")
        is not None,
        upper=search(_UPPER, "case", "capital", "caps") is not None,
        lower=search(_LOWER, "case") is not None,
        bare=search(_BARE, "punctuation") is not None,
        sentences=_number(search(_SENTENCES, "sentence")),
        words=_number(search(_WORDS, "word")),
        paragraphs=_number(search(_PARAGRAPHS, "paragraph")),
        prefix=prefix[1] if prefix else "",
        suffix=suffix[1] if suffix else "",
        frame=frame[1] if frame else "",
        persona=persona[1].lower() if persona else "",
        language=language[1].lower() if language else "",
    )


def _number(match: re.Match[str] | None) -> int:
    if match is None:
        return 0
    word = match[1].lower()
    return _NUMBERS.get(word.removeprefix("a ").replace("single", "one")) or int(word)
