"""What is found: alike on both databases, in any case, accents or Unicode form."""

import unicodedata
from datetime import UTC, datetime

import pytest

from search.tests.helpers import add_message, found, marked, new_chat, new_user, texts

pytestmark = pytest.mark.django_db
SAID = {
    "plain": "The quick brown fox jumps over the lazy dog",
    "german": "Größte Äpfel auf der Straße in Köln",
    "french": "Une crème brûlée, s'il vous plaît",
    "code": "Call foo_bar(baz) at https://example.org/a-b?c=1 by 12:30",
    "japanese": "GPTで東京都に住んでいる人はガラスを使う。",
    "korean": "한국어 검색을 하는 데이터베이스",
    "thai": "ภาษาไทยไม่มีช่องว่าง",
    "hindi": "हिन्दी भाषा में खोज",
    "turkish": "İstanbul güzel",
    "greek": "Ὀδυσσεύς ᾳ",
    "astral": "𞤆𞤵𞤤𞤢𞤪 and 𠮷野家",
}
FOUND = [
    ("fox", "plain"), ("FOX dog", "plain"), ("brow*", "plain"), ('"brown fox"', "plain"), ('"fox brown"', None),
    ("quick-brown", "plain"), ("bro", None), ('"lazy do*"', "plain"), ('"lazy do"*', "plain"), ("“brown fox”", "plain"),
    ("apfel", "german"), ("ÄPFEL", "german"), ("strasse", "german"), ("STRAẞE", "german"), ("groß*", "german"),
    ("creme brulee", "french"), ('"CRÈME BRÛLÉE"', "french"), ("s'il", "french"), ("plait", "french"),
    ("foo_bar", "code"), ("bar", "code"), ("example.org", "code"), ("12:30", "code"), ("30:12", None),
    ("https://example.org/a-b", "code"), ("a-b?c=1", "code"),
    ("東京", "japanese"), ("東京都", "japanese"), ("京都", "japanese"), ("東都", None), ("東", "japanese"),
    ("人", "japanese"), ("gpt", "japanese"), ("GPTで", "japanese"), ("ｶﾞﾗｽ", "japanese"), ("カラス", None),
    ("검색", "korean"), ("데이터", "korean"), ("한국어 검색", "korean"), ("한", "korean"), ("스", "korean"),
    ("ไทย", "thai"), ("ภาษา", "thai"), ("हिन्दी", "hindi"), ("भाषा", "hindi"),
    ("istanbul", "turkish"), ("ISTANBUL", "turkish"), ("οδυσσευσ", "greek"), ("ΟΔΥΣΣΕΎΣ", "greek"),
    ("𞤆𞤵𞤤*", "astral"), ("𠮷野", "astral"), ("吉野", None),
]  # fmt: skip


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_what_is_found(form: str) -> None:
    owner = new_user()
    new_chat(owner, SAID.values())

    for q, name in FOUND:
        results = found(owner, unicodedata.normalize(form, q))
        assert [text.rstrip(" …") for text in texts(results)] == ([] if name is None else [SAID[name]]), q
        assert all(marked(result) for result in results), f"what {q} has found is marked"


def test_text_stored_in_another_form_is_found_and_marked_as_it_was_written() -> None:
    owner = new_user()
    text = unicodedata.normalize("NFD", "Die größten Äpfel und がらす")
    new_chat(owner, [text])

    for q, word in (("äpfel", "Äpfel"), ("grössten", "größten"), ("がら", "がら")):
        [result] = found(owner, q)
        assert marked(result) == [unicodedata.normalize("NFD", word)]


def test_every_character_of_the_basic_plane_is_found_by_itself() -> None:
    """Whatever Python takes for a word, the database finds: no second opinion on what a letter is."""
    owner = new_user()
    chat = new_chat(owner)
    letters = [chr(code) for code in range(0x21, 0x1FFFF, 61) if chr(code).isalnum()]
    for start in range(0, len(letters), 200):
        add_message(chat, " ".join(f"x{letter}" for letter in letters[start : start + 200]))

    missed = [letter for letter in letters if not found(owner, f"x{letter}")]

    assert len(letters) > 800
    assert missed == []


def test_a_phrase_is_found_however_often_its_words_came_before() -> None:
    """PostgreSQL keeps 256 positions of a word in one document."""
    owner = new_user()
    new_chat(owner, ["so it is the case that the " * 600 + "and the end of the matter"])

    assert found(owner, '"the end of the matter"')
    assert found(owner, '"the case that the so it"')
    assert not found(owner, '"the end of the case"')


def test_days_are_those_of_the_user() -> None:
    """In Auckland the first of March ends at 11:00 UTC."""
    owner = new_user()
    chat = new_chat(owner)
    add_message(chat, "gibbons before", created_at=datetime(2026, 3, 1, 10, 30, tzinfo=UTC))
    add_message(chat, "gibbons after", created_at=datetime(2026, 3, 1, 11, 30, tzinfo=UTC))

    for q, wanted in (
        ("after:2026-03-01", ["gibbons after", "gibbons before"]), ("after:2026-03-02", ["gibbons after"]),
        ("before:2026-03-02", ["gibbons before"]), ("after:2026-03-03", []), ("before:2026-03-01", []),
        ("before:0001-01-01", []), ("after:9999-12-31", []),
        ("after:2026-03-01 before:2026-03-02", ["gibbons before"]),
        ("after:0001-01-01 before:9999-12-31", ["gibbons after", "gibbons before"]),
    ):  # fmt: skip
        for words in ("gibbons ", ""):
            assert texts(found(owner, words + q, zone="Pacific/Auckland")) == wanted, q
