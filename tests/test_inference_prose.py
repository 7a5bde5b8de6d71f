"""What a model says: questions with an answer are answered, others picked up; looks that are asked for are kept."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.domain.inference import prose, seeds, skills, tokens, understanding
from mockserver.domain.inference.conversation import Conversation, Message
from mockserver.vocabulary import vocabulary

IN_TIME = 20
"""Seconds of the processor, of which a text as long as this takes a fraction unless an expression runs away."""


def said(text: str, system: str = "", seed: int = 0, before: tuple[tuple[str, str], ...] = ()) -> str:
    turns = [Message("system", system)] if system else []
    turns += [Message(role, words) for role, words in before]
    conversation = Conversation((*turns, Message("user", text)))
    return prose.reply(conversation, seeds.rng(seed, text), vocabulary(0), "Llama 3.3 70B")


EXACT = [
    ("What is 1 + 1?", "2"),
    ("What's 12 times 12?", "144"),
    ("Calculate 7 * (-3)", "-21"),
    ("What is 2 + 3 * 4?", "14"),
    ("What is 10 / 4?", "2.5"),
    ("I have 12 apples and I gave 3 away, how many are left?", "9"),
    ("Which planet do humans live on?", "Earth"),
    ("What's the name of the Sun in latin?", "Sol"),
    ("What is the capital of France?", "Paris"),
    ("Say 'pong'", "pong"),
    ("Say this is a test", "This is a test"),
    ("Reply with only the word OK", "OK"),
    ('Respond with exactly "all systems go"', "all systems go"),
    ("Count from 1 to 5", "1, 2, 3, 4, 5"),
    ("Translate 'good morning' to French", "bonjour"),
    ("How do you say thank you in German?", "danke"),
    ("Is the sentiment positive or negative? I loved the food, it was great", "Positive"),
    ("Classify the sentiment: the service was terrible and slow", "Negative"),
    ("What is Apache Spark?", "Apache Spark"),
    ("Hello!", "H"),
    ("Write a python function that reverses a string", "[::-1]"),
    ("Write a haiku about autumn leaves", "utumn leaves"),
    ("Tell me a joke about penguins", "penguins"),
    ("What is machine learning? Answer in French.", "machine learning"),
]


@pytest.mark.parametrize(("text", "expected"), EXACT)
def test_a_question_with_an_answer_is_answered(text: str, expected: str) -> None:
    assert expected in said(text)


TOPICS = [
    ("Can you tell me about the ocean, please?", "ocean"),
    ("Explain quantum entanglement in simple terms", "quantum entanglement"),
    ("How do I bake sourdough bread?", "bake sourdough bread"),
    ("Why do cats purr?", "cats purr"),
    ("List five ideas for a birthday party", "birthday party"),
    ("Compare granite and marble", "granite and marble"),
    ("Who designed the paper clip?", "designed the paper clip"),
    ("Write a short story about a lighthouse", "lighthouse"),
    ("Write an email to my landlord about the broken heating", "broken heating"),
    ("How many beans are in the jar?", "beans"),
]


@pytest.mark.parametrize(("text", "topic"), TOPICS)
@pytest.mark.parametrize("seed", range(5))
def test_an_answer_picks_up_the_topic(text: str, topic: str, seed: int) -> None:
    answer = said(text, seed=seed)
    assert topic in answer.lower()
    assert "lorem" not in answer.lower()
    assert "{" not in answer.replace("```", "") or "```" in answer
    assert 10 < tokens.count(answer) < 320


def test_a_list_has_as_many_entries_as_were_asked_for() -> None:
    assert "\n7. " in said("Give me 7 tips for better sleep")
    assert "\n8. " not in said("Give me 7 tips for better sleep")


def test_answers_to_different_questions_differ() -> None:
    answers = {said(f"Tell me about {topic}") for topic in ("glass", "wool", "steel", "paper", "salt")}
    assert len(answers) == 5


def test_the_users_name_is_remembered() -> None:
    earlier = (("user", "My name is Steve"), ("assistant", "Hello Steve!"))
    assert "Steve" in said("What is my name?", before=earlier)
    assert "Steve" in said("Hello!", before=earlier)
    assert "haven't told" in said("What is my name?")


def test_earlier_turns_are_looked_up() -> None:
    earlier = (("user", "My favorite color is teal."), ("assistant", "Nice choice!"))
    assert "Your favorite color is teal" in said("What is my favorite color?", before=earlier)
    assert "ocean" in said("Why?", before=(("user", "Tell me about the ocean"), ("assistant", "It is large.")))


def test_a_given_context_answers_the_question() -> None:
    context = "Context: The warranty lasts 24 months. Returns are accepted within 30 days.\n\nQuestion: "
    assert said(context + "How long is the warranty?") == "The warranty lasts 24 months."
    assert "30 days" in said(context + "When are returns accepted?")
    system = "Answer from this knowledge.\nOur office opens at nine. The canteen is on the third floor."
    assert "third floor" in said("Where is the canteen?", system)


def test_a_text_is_summarised_by_its_own_sentences() -> None:
    text = (
        "Summarize the following text: The meeting started at nine. Everyone agreed that the budget should grow. "
        "Lunch was served late. The next budget meeting takes place in May."
    )
    answer = said(text)
    assert "budget" in answer
    assert len(answer) < len(text) - 60


def test_who_are_you() -> None:
    assert "Llama 3.3 70B" in said("Who are you?")
    assert "Ada" in said("What is your name?", "Your name is Ada. You help customers.")


STYLES = [
    ("Return very minimal output, AND ONLY USE UPPERCASE.", "Who wrote Hamlet?", str.isupper),
    ("Answer in lower case.", "What is the capital of Norway?", str.islower),
    ("Be as terse as possible; no punctuation", "What is 1 + 1?", lambda text: text == "2"),
    ("Always start your answer with 'Indeed,'", "What is wool?", lambda text: text.startswith("Indeed,")),
    ("End every answer with 'Over and out.'", "What is wool?", lambda text: text.endswith("Over and out.")),
    ("Answer in one sentence.", "What is wool?", lambda text: text.count(".") == 1),
    ("Use at most five words.", "What is wool?", lambda text: len(text.split()) <= 5),
    ("You are a pirate.", "What is wool?", lambda text: "Arr" in text),
    ("Reply with 'It is ____.'", "What is 2 + 2?", lambda text: text == "It is 4."),
    ("Write three paragraphs.", "What is wool?", lambda text: text.count("\n\n") == 2),
]


@pytest.mark.parametrize(("system", "text", "kept"), STYLES, ids=[system for system, _, _ in STYLES])
def test_the_system_prompt_sets_the_looks(system: str, text: str, kept: object) -> None:
    assert callable(kept)
    assert kept(said(text, system))


def test_names_and_places_are_invented_from_the_vocabulary() -> None:
    made = vocabulary(0)
    answers = " ".join(said("Tell me about wool", seed=seed) for seed in range(8))
    assert any(company in answers for company in made.companies)
    assert vocabulary(0) == vocabulary(0)
    assert vocabulary(1) != made


def test_an_expression_is_worked_out_or_left_alone() -> None:
    assert skills.summed("2 ** 10 =") == ("2 ** 10", "1024")
    assert skills.summed("What is 1 / 0?") is None
    assert skills.summed("The meeting is on 2024-05-06, isn't it?") is None
    assert skills.summed("What is 9 ** 999?") is None


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=500), st.text(max_size=100))
def test_any_text_gets_an_answer(text: str, system: str) -> None:
    assert isinstance(said(text, system), str)


@given(st.text(max_size=500))
def test_any_text_has_a_question(text: str) -> None:
    question = understanding.question_of(text)
    assert question.text in text
    assert len(question.text) <= 400
    assert all(word in question.text.lower() for word in question.keywords)


@pytest.mark.parametrize("unit", ["word ", "a.b ", '"', "(", "1+", "say ", "summarize ", "in ", "and Bob ", "\n"])
def test_long_texts_are_answered_in_time(unit: str) -> None:
    started = time.process_time()
    assert said(unit * (400_000 // len(unit)))
    assert time.process_time() - started < IN_TIME
