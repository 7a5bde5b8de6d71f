"""The sentences that invented prose is woven from. ``{t}`` is the topic, ``{T}`` the topic at a sentence's start."""

from __future__ import annotations

OPENERS = {
    "thing": (
        "{T} {is} best understood by what {it} make{s} possible and by what {it} cost{s} to get right.",
        "When people ask about {t}, they usually want to know two things: how {it} work{s} and when {it} matter{s}.",
        "The short answer is that {t} bring{s} together a few simple ideas, each of which is easy to follow "
        "on its own.",
        "There is more than one way to look at {t}, but a few points come up every time.",
        "Seen from a distance, {t} {is} about choosing what to keep, what to leave out and in which order to "
        "do things.",
        "{T} {is} a subject where a little background goes a long way.",
        "A useful way into {t} is to start with the problem {it} answer{s}.",
    ),
    "how": (
        "The easiest way to {v} is to work in small steps and check each one before you go on.",
        "To {v}, start from what you already have and change one thing at a time.",
        "Here is a way to {v} that works in most situations.",
        "There are a few ways to {v}; this one is the most reliable.",
    ),
    "who": (
        "{name} is usually named as the person who {t}.",
        "Most sources say that it was {name} who {t}.",
        "Several people can claim a part in it, but it was {name} who {t}.",
    ),
    "why": (
        "What makes {t} comes down to a handful of causes that reinforce one another.",
        "There is no single cause that makes {t}, but one explanation covers most cases.",
        "The usual explanation of what makes {t} starts with how the parts depend on each other.",
    ),
    "compare": (
        "{T} overlap more than it first appears, but they are good at different things.",
        "The choice between {t} depends mostly on what you need to do often and what you need to do once.",
        "Both sides of {t} have their place, and the differences show up in daily use rather than on paper.",
    ),
}

BODIES = (
    "In practice, most of the effort around {t} goes into the details that nobody notices when they are done well.",
    "The first thing to settle is the goal, because {t} can serve very different ones.",
    "It helps to separate what is essential about {t} from what is merely customary.",
    "Many of the difficulties with {t} come from mixing up the {w} with the {x}.",
    "A good rule is to measure before and after, so that any change around {t} can be judged on its {w}.",
    "Once the {w} is clear, the rest of {t} tends to fall into place.",
    "Small, regular steps usually do more for {t} than one large effort.",
    "Opinions on {t} differ, mostly because people put a different weight on {w} and {x}.",
    "What looks like a question of {w} often turns out to be one of {x}.",
)

KEYWORDS = (
    "The part about {k} deserves attention, because it shapes everything that follows.",
    "With {k} in particular, it pays to look at a concrete case before drawing conclusions.",
    "Much depends on {k}: when that is well understood, the other pieces are easier to judge.",
    "As for {k}, the details vary, but the pattern stays the same.",
)

EXAMPLES = (
    "For example, {name} at {company} in {city} described how looking at {t} again changed the team's {w} "
    "within a few "
    "weeks.",
    "A typical case is a small group such as the one at {company} in {city}, where {name} began by writing "
    "down every "
    "{w} before touching {t}.",
    "{name}, who works for {company}, puts it this way: start with the {w}, and let the {x} follow.",
    "To take one case, {company} reviewed {t} on {date} and found that a single {w} explained most of what it saw.",
)

STEPS = (
    "Write down what you want to be true when you are finished.",
    "Gather what you need before you begin, so that you are not interrupted halfway.",
    "Make the smallest change that could work, and look at the result.",
    "Compare what you see with what you expected, and note the difference.",
    "Repeat until the result is stable, then tidy up.",
    "Ask somebody else to try it, and watch where they hesitate.",
)

CAUSES = (
    "First, the {w} sets the frame: everything else has to fit inside it.",
    "Second, the {x} adds to the effect, often more than people expect.",
    "Finally, there is habit: what has worked before tends to be done again.",
)

CLOSERS = (
    "If you tell me more about your situation, I can make this more specific.",
    "Let me know which part you would like to look at more closely.",
    "In short, keep the {w} in view and treat the rest of {t} as something you can adjust.",
    "That is the general picture; the best next step is to try it on a small example.",
    "All in all, {t} reward{s} a bit of patience at the beginning.",
)

ITEMS = (
    "Start with {w}: decide what it should mean for {t} before anything else.",
    "Keep {t} simple at first, and add {x} only when it is needed.",
    "Look at how others have handled {t}, for instance {company} in {city}.",
    "Set aside a fixed time for {t}, so that it does not get lost.",
    "Write down what works for {t} and what does not.",
    "Ask {name} or someone with experience for a second opinion on {t}.",
    "Turn the hardest part of {t} into several small steps.",
    "Give {t} a clear {w}, so that everyone knows when it is done.",
    "Review {t} once a week and drop whatever no longer helps.",
    "Mix something familiar with something new when it comes to {t}.",
    "Pay attention to the {x} of {t}; it is often overlooked.",
    "Leave some room in {t} for surprises.",
)

GREETINGS = (
    "Hello{n}! It's good to hear from you. What can I help you with today?",
    "Hi{n}! How can I help you today?",
    "Hello{n}! Is there something you would like to talk about or work on?",
    "Hi there{n}! What would you like to do?",
)
THANKS = (
    "You're welcome! Let me know if there is anything else.",
    "You're welcome! I'm happy to help whenever you need it.",
    "Glad I could help!",
)
FAREWELLS = ("Goodbye! Have a good day.", "Take care! Come back whenever you like.")

JOKES = (
    "Why did the {k} bring a ladder? Because it had heard that expectations were high.",
    "I asked the {k} for a summary. It said the story was too long to be short.",
    "How does a {k} stay organised? One thing at a time, and all of them at once.",
)
VERSES = (
    "A softer light has come to stay,\nWith {k} along the way;\n",
    "Above the roofs of {city} wide,\nThe thought of {k} will be my guide;\n",
    "A quiet hour, a patient light,\nThe song of {k} fills the night;\n",
    "And as for {k}, rest until\nThe evening listens and is still.\n",
)
HAIKU = "{K} in the light —\na slow breath before the rain,\nthen {city}, quiet"
STORY = (
    "On the morning of {date}, {name} walked into {city} with nothing but a {product} and one question: what "
    "had become "
    "of {t}?\n\nThe people at {company} shook their heads, all but one. An old {job} pointed to the far end "
    "of the street. "
    '"You are looking in the wrong place," she said. "Look for the {w}, and {t} will find you."\n\nIt took '
    "until evening. "
    "When {name} finally understood, the answer was so simple that there was nothing to do but laugh, and walk home."
)
LETTER = (
    "Subject: {T}\n\nDear {to},\n\nI hope this finds you well. I am writing about {t}. We have looked at it "
    "closely at "
    "{company}, and I believe a short conversation would help us agree on the {w}.\n\nWould {date} suit you? "
    "I am glad to "
    "come to you.\n\nKind regards,\n{name}"
)
FOREIGN = {
    "french": "Voici ce que je peux dire à propos de « {t} ». C'est un sujet qui mérite un peu d'attention : il faut "
    "d'abord comprendre l'essentiel, puis regarder les détails. N'hésitez pas à me poser une autre question.",
    "spanish": "Esto es lo que puedo decir sobre «{t}». Es un tema que merece atención: primero conviene entender lo "
    "esencial y después mirar los detalles. Si quiere saber más, pregúnteme.",
    "german": "Zum Thema „{t}“ lässt sich Folgendes sagen: Zuerst lohnt es sich, das Wesentliche zu verstehen, danach "
    "kommen die Einzelheiten. Fragen Sie gern nach, wenn Sie mehr wissen möchten.",
    "italian": "Ecco che cosa posso dire su «{t}». È un argomento che merita attenzione: prima conviene capire "
    "l'essenziale, poi guardare i dettagli. Se vuole sapere di più, mi chieda pure.",
    "portuguese": "Eis o que posso dizer sobre «{t}». É um assunto que merece atenção: primeiro convém entender o "
    "essencial e depois olhar os pormenores. Se quiser saber mais, pergunte.",
}
PERSONAS = {
    "pirate": ("Arr, matey! ", " Yo ho ho!"),
    "shakespeare": ("Hark, good friend! ", " Fare thee well."),
    "cowboy": ("Howdy, partner! ", " Happy trails."),
    "robot": ("Beep boop. ", " End of transmission."),
}
THOUGHTS = (
    "The user asks: {q} The topic is {t}. I should answer directly, stay with what was asked and keep it clear.",
    "Let me think about {t}. The question was: {q} I will start with the main point and add only what helps.",
    "We need to respond to: {q} The main idea is {t}; a short, well ordered answer is best.",
)
CODE = {
    "python": (
        "def {f}(items):\n"
        '    """{T}."""\n'
        "    result = []\n"
        "    for item in items:\n"
        "        if item is not None:\n"
        "            result.append(item)\n"
        "    return result\n\n\n"
        "print({f}([1, 2, None, 3]))"
    ),
    "sql": (
        "SELECT\n  {c},\n  COUNT(*) AS total\nFROM {f}\nWHERE {c} IS NOT NULL\nGROUP BY {c}\nORDER BY total "
        "DESC\nLIMIT 10;"
    ),
    "javascript": (
        "function {j}(items) {{\n  // {t}\n  return items.filter((item) => item != null);\n}}\n\n"
        "console.log({j}([1, 2, null, 3]));"
    ),
    "typescript": (
        "function {j}<T>(items: Array<T | null>): T[] {{\n  // {t}\n"
        "  return items.filter((item): item is T => item !== null);\n}}"
    ),
    "java": (
        "static <T> List<T> {j}(List<T> items) {{\n    // {t}\n"
        "    return items.stream().filter(Objects::nonNull).toList();\n}}"
    ),
    "rust": (
        "fn {f}(items: &[Option<i64>]) -> Vec<i64> {{\n    // {t}\n    items.iter().flatten().copied().collect()\n}}"
    ),
    "go": (
        "// {j}: {t}\nfunc {j}(items []*int) []int {{\n\tvar result []int\n\tfor _, item := range items {{\n"
        "\t\tif item != nil {{\n\t\t\tresult = append(result, *item)\n\t\t}}\n\t}}\n\treturn result\n}}"
    ),
    "bash": 'for file in *; do\n  # {t}\n  printf "%s\\n" "$file"\ndone',
    "html": "<section>\n  <h1>{T}</h1>\n  <p>Everything about {t} in one place.</p>\n</section>",
}

PYTHON = {
    "sort": 'def {f}(items, key=None):\n    """{T}."""\n    return sorted(items, key=key)',
    "revers": 'def {f}(text):\n    """{T}."""\n    return text[::-1]',
    "palindrom": (
        'def {f}(text):\n    """{T}."""\n    letters = [c.lower() for c in text if c.isalnum()]\n'
        "    return letters == letters[::-1]"
    ),
    "fibonacci": (
        'def {f}(n):\n    """{T}."""\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a'
    ),
    "factorial": 'def {f}(n):\n    """{T}."""\n    return 1 if n < 2 else n * {f}(n - 1)',
    "prime": ('def {f}(n):\n    """{T}."""\n    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))'),
    "fizzbuzz": (
        'def {f}(n):\n    """{T}."""\n    for i in range(1, n + 1):\n'
        '        print("FizzBuzz" if i % 15 == 0 else "Fizz" if i % 3 == 0 else "Buzz" if i % 5 == 0 else i)'
    ),
    "hello": 'def {f}():\n    """{T}."""\n    print("Hello, world!")\n\n\n{f}()',
    "sum": 'def {f}(numbers):\n    """{T}."""\n    return sum(numbers)',
    "add": 'def {f}(a, b):\n    """{T}."""\n    return a + b',
    "averag": 'def {f}(numbers):\n    """{T}."""\n    return sum(numbers) / len(numbers) if numbers else 0.0',
}
