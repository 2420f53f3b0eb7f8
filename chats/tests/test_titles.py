"""Titles: of the words of a message, and of what a model says when it is asked for one."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from chats.tests.helpers import eventually
from chats.turns.titles import title_from, title_in
from common.graphemes import first_characters
from conftest import Person
from llm.testing import FakeProvider

FAMILY, FLAG, ACCENT = "👨‍👩‍👧‍👦", "🇨🇭", "e\u0301"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("How do the tides come about?", "How do the tides come"),
        ("How do tides come about?", "How do tides come about"),
        ("  One\n\n two\tthree ", "One two three"),
        ('"Tides and the Moon."', "Tides and the Moon"),
        ("„Ebbe und Flut“", "Ebbe und Flut"),
        ("«Les marées» !", "Les marées"),
        ("'Don't panic'", "Don't panic"),
        ('What is "foo"?', 'What is "foo"'),
        ('"Foo" and "bar"', '"Foo" and "bar"'),
        ('"Hello there my good old friend"', "Hello there my good old"),
        ("Wait... what?!", "Wait... what"),
        ("First, second,", "First, second"),
        ("什么是潮汐？", "什么是潮汐"),
        ("What is C#", "What is C#"),
        ("C++", "C++"),
        ("Look (", "Look"),
        ("Hello❗️", "Hello❗️"),
        ("Hello!️", "Hello"),
        ('"""', '"""'),
        ("\"\" “” ''", "\"\" “” ''"),
        ("?!", "?!"),
        ("...", "..."),
        ("\u200b", "…"),
        ("\u202e\u2066", "…"),
        ("abc\u202edef", "abc def"),
        ("", ""),
        (" " * 3000 + "Hello", "Hello"),
        ("a" * 300, "a" * 80),
        ("a" * 50 + " " + "b" * 50 + " c", "a" * 50),
        (FAMILY * 20, FAMILY * 11),
        ("x" * 79 + FLAG, "x" * 79),
        (FLAG * 50, FLAG * 40),
        ("x" + FLAG * 50, "x" + FLAG * 39),
        ("x" * 79 + ACCENT, "x" * 79),
        ("x" * 79 + "👍🏽", "x" * 79),
        ("x" * 78 + "क्षि", "x" * 78),
        ("x" * 79 + "\u1112\u1161\u11ab", "x" * 79),
    ],
)
def test_the_first_words_make_a_title(text: str, title: str) -> None:
    assert title_from(text) == title


PIECES = [
    "a", " ", "\n", "e\u0301", "\u0301", FAMILY, FLAG, "🇨", "👍🏽", "क्षि", "ก็", "각", "\u1112\u1161\u11ab", '"', "“",
    "?", "!", "…", "\u200d", "\u200b", "\ufe0f", "1\ufe0f\u20e3", "中", "x" * 40,
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=60).map("".join).filter(str.strip))
def test_a_title_is_never_empty_long_or_spoilt(text: str) -> None:
    title = title_from(text)

    assert title.strip() == title != ""
    assert len(title) <= 80
    assert len(title.split()) <= 5
    unicodedata.normalize("NFC", title).encode()


WHOLE = [each for each in PIECES if each.strip() and each not in "\u200b\u200d"]  # which alone join nothing


@given(st.lists(st.sampled_from(WHOLE), max_size=60).map("".join), st.integers(1, 90))
def test_a_cut_is_where_a_character_ends(text: str, most: int) -> None:
    cut = first_characters(text, most)

    ends, at = {0}, 0
    for grapheme in regex.findall(r"\X", text):
        at += len(grapheme)
        ends.add(at)
    assert text.startswith(cut)
    assert len(cut) <= most
    longest_first = len(regex.match(r"\X", text)[0]) if text else 0
    assert len(cut) in ends or longest_first > most or not cut


ANSWERS = {
    "plain": "Tides and the Moon",
    "full stop": "Tides and the Moon.",
    "quotes": '"Tides and the Moon"',
    "curly quotes": "“Tides and the Moon.”",
    "heading": "# Tides and the Moon",
    "bold": "**Tides and the Moon**",
    "italic": "*Tides and the Moon*",
    "code": "`Tides and the Moon`",
    "underlined": "Tides and the Moon\n===",
    "list": "- Tides and the Moon",
    "number": "1. Tides and the Moon\n2. Another one",
    "quote": "> Tides and the Moon",
    "link": "[Tides and the Moon](https://a.example)",
    "label": "Title: Tides and the Moon",
    "bold label": "**Title:** Tides and the Moon",
    "bold label, quotes": '**Title**: "Tides and the Moon"',
    "german": "Titel: Tides and the Moon",
    "chinese": "标题：Tides and the Moon",
    "label of its own": "Title:\nTides and the Moon",
    "heading of its own": "# Title\n\nTides and the Moon",
    "talk": "Sure! Here is a title for this conversation:\n\n**Tides and the Moon**",
    "talk on the line": "Here's a possible title: Tides and the Moon",
    "quoted in talk": 'A good title would be "Tides and the Moon".',
    "explained": "Tides and the Moon\n\nThis title says what the conversation is about, in a few words.",
    "json": '{"title": "Tides and the Moon"}',
    "json of more": '{"language": "en", "chat_title": "Tides and the Moon"}',
    "json list": '["Tides and the Moon"]',
    "json deep": '{"result": {"title": "Tides and the Moon"}}',
    "json text": '"Tides and the Moon"',
    "python": "{'title': 'Tides and the Moon'}",
    "json, cut": '{"title": "Tides and the Moon", "why": "because',
    "fence": "```\nTides and the Moon\n```",
    "fenced json": '```json\n{\n  "title": "Tides and the Moon"\n}\n```',
    "fence in talk": "Here you go:\n```text\nTides and the Moon\n```\nEnjoy!",
    "fence, open": "```markdown\n# Tides and the Moon",
    "thoughts": "<think>\nThe user asks about tides.\n\nTitle: Seas\n</think>\n\nTides and the Moon",
    "thoughts, no begin": "Okay, tides.\n</think>\nTides and the Moon",
    "thinking": "<thinking>Hm.</thinking>Tides and the Moon",
    "two thoughts": "<think>Hm.</think><think>Ah.</think> Tides and the Moon",
    "thoughts behind": "Tides and the Moon\n<think>Was that good?",
    "brackets": "[THINK]Hm.[/THINK]Tides and the Moon",
    "channels": "<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>Tides and the Moon<|end|>",
    "thoughts and json": '<think>JSON?</think>```json\n{"title": "Tides and the Moon"}\n```',
    "markup": "<title>Tides and the Moon</title>",
    "blanks": "\n\n  Tides and the Moon  \n",
}  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_title_is_found_in_what_a_model_says(kind: str) -> None:
    assert title_in(ANSWERS[kind]) == "Tides and the Moon"


NO_TITLES = [
    "",
    " ",
    '""',
    "...",
    "```\n```",
    "{}",
    '{"a": 1}',
    "[]",
    "<think>Okay, the",
    "<think></think>",
    "# ",
    "---",
]


@pytest.mark.parametrize("answer", [*NO_TITLES, "Hm, " * 60])
def test_where_there_is_none_nothing_is_made_up(answer: str) -> None:
    assert title_in(answer) == ""


@pytest.mark.parametrize(
    "answer", ["C# and <div> & Co", "snake_case_names in Python", "2 < 3 > 1", "🌊", "Tides: a history"]
)
def test_what_only_looks_like_markup_stays(answer: str) -> None:
    assert title_in(answer) == answer


def test_halves_and_nul_are_repaired() -> None:
    assert title_in("Tides\0 \ud83c\udf0a \ud800") == "Tides\ufffd 🌊 \ufffd"


@given(
    st.lists(st.sampled_from([*ANSWERS.values(), *PIECES, "{", "```", "<think>", "</think>"]), max_size=8).map("".join)
)
def test_no_answer_is_too_odd(answer: str) -> None:
    title = title_in(answer)

    assert len(title.split()) <= 5
    assert len(title) <= 80
    title.encode()


def test_a_model_that_thinks_for_long_is_heard_out(alice: Person, fake: FakeProvider, settings) -> None:
    settings.TITLE_MODEL = "openai"
    chat = alice.chat()
    fake.script(text="Because of the moon.")
    fake.script(text=f"<think>{'Let me see. ' * 800}</think>\n**Title:** Tides and the Moon.", chunk=50)

    assert alice.say(chat, "How do the tides come about?").status_code == 201

    eventually(lambda: alice.get(f"/api/chats/{chat}/").json()["title"] == "Tides and the Moon")


def test_a_message_of_quotes_alone_has_a_title(alice: Person) -> None:
    chat = alice.chat()

    assert alice.say(chat, '"""').status_code == 201

    assert alice.get(f"/api/chats/{chat}/").json()["title"] == '"""'
