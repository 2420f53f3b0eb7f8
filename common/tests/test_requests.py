"""Large forms are read in pieces, and mean what they mean to Django."""

import io
from urllib.parse import urlencode

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict

from common.off_loop import SMALL
from common.requests import FORM, TextRequest


def request(form: bytes) -> TextRequest:
    headers = [(b"content-type", f"{FORM}; charset=UTF-8".encode()), (b"content-length", str(len(form)).encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    return TextRequest(scope, io.BytesIO(form))


@pytest.mark.parametrize("shift", range(4))  # wherever a piece ends, no escape is cut
@pytest.mark.parametrize("text", ["Grüße, 日本語 + 🦊 & 100 % = 1; ", "%41", "\r\n\0"])
def test_a_large_form_is_what_django_makes_of_it(text: str, shift: int) -> None:
    fields = [("a" * shift, text * SMALL), ("empty", ""), ("twice", "1"), ("twice", text), ("ü", text * 10)]
    form = urlencode(fields).encode()

    assert QueryDict(form) == request(form).POST


@pytest.mark.parametrize("form", [b"a&&=b&c=%&d=%4&e=%zz&f=%ff&" + b"x" * SMALL, b"%" * SMALL * 3, b"+" * SMALL * 2])
def test_so_is_one_that_is_none(form: bytes) -> None:
    assert QueryDict(form) == request(form).POST


def test_it_has_so_many_fields_at_most() -> None:
    with pytest.raises(TooManyFieldsSent):
        request(b"a=b&" * SMALL).POST  # noqa: B018
