"""What somebody types into a search: words, prefixes (`word*`), phrases, and a closed list of operators."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from chats.models import Role
from common.errors import Invalid
from search.documents import LAST_ID, TITLE, first_id, model_terms, role_term
from search.terms import WORD_CHARS, pairs_of, words_of

MOST_CLAUSES = 20
QUOTES = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))  # as phones and people write them
# Before a colon stands an operator, if it is one; whatever else is joined without a space belongs together.
_TOKEN = re.compile(r'(?:([a-z]+):)?(?:"([^"]*)(?:"|$)(\*?)|([^\s"]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """Terms that follow each other; of the last one the beginning is enough where it is a prefix.

    `words` are what is marked in a text that was found.
    """

    terms: tuple[str, ...]
    is_prefix: bool = False
    words: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Query:
    """What is searched for: all of the clauses, in documents with ids from `first` to before `end`."""

    clauses: list[Clause] = field(default_factory=list)
    first: int = -LAST_ID
    end: int = LAST_ID
    pinned: bool = False
    archived: bool = False


def parse_query(text: str, zone: ZoneInfo, *, typing: bool = False) -> Query:
    """Return what a text asks for; while somebody is `typing`, its last word may be the beginning of one.

    An unknown operator is text, as in `12:30`; one of the list with a value that it does not take raises Invalid.
    """
    query = Query()
    is_empty = True
    for token in _TOKEN.finditer(text.translate(QUOTES)):
        operator, phrase, star, word = token.groups()
        read = OPERATORS.get((operator or "").lower())
        is_last = typing and token.end() == len(text) and word is not None
        value = phrase + star if phrase is not None else word + ("*" if is_last else "")
        if read:
            read(query, value, zone)
        elif clause := clause_of(f"{operator}:{value}" if operator else value):
            query.clauses.append(clause)
        is_empty = is_empty and not (read or clause)
    if is_empty:
        raise _invalid("Search for a word, or more.")
    if len(query.clauses) > MOST_CLAUSES:
        raise _invalid(f"Search for at most {MOST_CLAUSES} words and phrases.")
    return query


def clause_of(text: str) -> Clause | None:
    """Return what a word or phrase asks for; None where there is no word in it."""
    words = words_of(text)
    if not words:
        return None
    terms: list[str] = []
    for word, dense in words:
        terms += [word[:WORD_CHARS]] if word else [*pairs_of(dense), dense[-1]]
    word, dense = words[-1]
    if len(dense) > 1:  # what comes after its last character is open
        terms.pop()
    return Clause(tuple(terms), is_prefix=len(dense) == 1 or (bool(word) and text.endswith("*")), words=tuple(words))


def _title(query: Query, value: str, zone: ZoneInfo) -> None:
    query.clauses += [Clause((TITLE,)), _required("title", clause_of(value))]


def _model(query: Query, value: str, zone: ZoneInfo) -> None:
    terms = tuple(model_terms(value))
    query.clauses.append(_required("model", Clause(terms, is_prefix=value.endswith("*")) if terms else None))


def _role(query: Query, value: str, zone: ZoneInfo) -> None:
    query.clauses.append(Clause((role_term(_chosen("role", value, *Role.values)),)))


def _after(query: Query, value: str, zone: ZoneInfo) -> None:
    query.first = max(query.first, _day("after", value, zone))


def _before(query: Query, value: str, zone: ZoneInfo) -> None:
    query.end = min(query.end, _day("before", value, zone))


def _is(query: Query, value: str, zone: ZoneInfo) -> None:
    query.pinned = bool(_chosen("is", value, "pinned"))


def _in(query: Query, value: str, zone: ZoneInfo) -> None:
    query.archived = bool(_chosen("in", value, "archived"))


def _tag(query: Query, value: str, zone: ZoneInfo) -> None:
    raise _invalid("Chats have no tags yet.")  # as text it would find something else, and later change its meaning


OPERATORS: dict[str, Callable[[Query, str, ZoneInfo], None]] = {
    "title": _title, "model": _model, "role": _role, "after": _after, "before": _before, "is": _is, "in": _in,
    "tag": _tag,
}  # fmt: skip


def _required(operator: str, clause: Clause | None) -> Clause:
    if clause is None:
        raise _invalid(f"`{operator}:` is followed by a word.")
    return clause


def _chosen(operator: str, value: str, *known: str) -> str:
    chosen = value.rstrip("*").lower()
    if chosen not in known:
        raise _invalid(f"`{operator}:` is followed by {' or '.join(known)}.")
    return chosen


def _day(operator: str, value: str, zone: ZoneInfo) -> int:
    """Return the first id of a day of the user's."""
    try:
        day = date.fromisoformat(value.rstrip("*"))
        return first_id(datetime(day.year, day.month, day.day, tzinfo=zone))
    except (ValueError, OverflowError) as error:
        raise _invalid(f"`{operator}:` is followed by a day, as in {operator}:2026-01-31.") from error


def _invalid(words: str) -> Invalid:
    return Invalid(errors={"q": [words]})
