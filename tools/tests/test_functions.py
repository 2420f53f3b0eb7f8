"""A function's signature becomes the declaration of a tool, and checks what a model gives."""

import asyncio
import subprocess
import sys
from typing import Annotated, Any, Literal
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from rest_framework.serializers import ValidationError

from common.errors import Invalid
from tools.calls import run_call
from tools.checks import settings_name_tools_and_policies
from tools.functions import Caller, Tool, tool
from tools.signature import Bounds

CALLER = Caller(1, uuid4(), uuid4())


def _weather(
    caller: Caller, *, city: Annotated[str, "Where."], unit: Literal["c", "f"] = "c", days: int | None = None
) -> dict[str, object]:
    """What the weather is.

    And will be.
    """
    if city == "Atlantis":
        raise Invalid("There is no such city.")
    if city == "Babel":
        raise ValidationError({"city": ["It has too many names."]})
    if city == "Pompeii":
        raise RuntimeError("secret")
    if city == "Nod":
        raise TimeoutError("of its own")
    return {"city": city, "unit": unit, "days": days}


async def _slow(caller: Caller, *, seconds: float) -> str:
    """Sleeps."""
    await asyncio.sleep(seconds)
    return "x" * 5000


def _bounded(
    caller: Caller,
    *,
    names: Annotated[list[Annotated[str, Bounds(1, 3)]], Bounds(max_length=2)],
    about: dict[str, Any] | None,
    count: Annotated[int, "How many.", Bounds(ge=1, le=9)] = 5,
) -> list[object]:
    """Takes a little of each."""
    return [names, about, count]


WEATHER, SLOW = Tool("weather", "The weather", _weather, True), Tool("slow", "Slow", _slow, True)
BOUNDED = Tool("bounded", "Bounded", _bounded, True)


def call(tool: Tool, arguments: str):
    return asyncio.run(run_call(tool, CALLER, arguments))


def test_the_declaration_is_made_of_the_signature():
    declaration = WEATHER.declaration
    assert declaration.name == "weather"
    assert declaration.description == "What the weather is.\n\nAnd will be."
    schema = declaration.parameters
    assert schema["required"] == ["city"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["city"] == {"description": "Where.", "type": "string"}
    assert schema["properties"]["unit"]["enum"] == ["c", "f"]


def test_bounds_are_declared():
    properties = BOUNDED.parameters["properties"]
    items = {"type": "string", "minLength": 1, "maxLength": 3}
    assert properties["names"] == {"type": "array", "items": items, "maxItems": 2}
    count = {"type": "integer", "description": "How many.", "minimum": 1, "maximum": 9, "default": 5}
    assert properties["count"] == count


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"names": ["a", "b", "c"]}, "names"),
        ({"names": ["abcd"]}, "names.0"),
        ({"names": [""]}, "names.0"),
        ({"names": ["\0"]}, "names"),
        ({"names": None}, "names"),
        ({"about": {"a": [{"b\0": 1}]}}, "about"),
        ({"count": 0}, "count"),
        ({"count": 10}, "count"),
        ({"more": None}, "more"),
    ],
)
def test_bounds_are_kept(wrong, name):
    with pytest.raises(Invalid) as refused:
        BOUNDED.checked({"names": [], "about": None, **wrong})
    assert [*refused.value.errors] == [name]


def test_null_is_a_default_where_there_is_one():
    assert BOUNDED.checked({"names": ["a"], "about": None, "count": None}) == {
        "names": ["a"], "about": None, "count": 5,
    }  # fmt: skip


def test_pydantic_is_not_imported_at_start():
    code = "import sys, django; django.setup(); import config.urls; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_call_is_carried_out():
    result = call(WEATHER, '{"city": "Bonn", "days": 2}')
    assert (result.output, result.is_error) == ('{"city":"Bonn","unit":"c","days":2}', False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{", "The arguments are not a JSON object."),
        ("[]", "The arguments are not a JSON object."),
        ("", "city: Field required"),
        ('{"city": 1}', "city: Input should be a valid string"),
        ('{"city": "Bonn", "unit": "k"}', "unit: Input should be"),
        ('{"city": "Bonn", "more": 1}', "more: There is no such member here."),
        ('{"city": "Atlantis"}', "There is no such city."),
        ('{"city": "Babel"}', "city: It has too many names."),
        ('{"city": "Pompeii"}', "weather failed."),
        ('{"city": "Nod"}', "weather failed."),
    ],
)
def test_whatever_goes_wrong_is_told_in_words(arguments, told):
    result = call(WEATHER, arguments)
    assert result.is_error
    assert told in result.output
    assert "secret" not in result.output


def test_time_and_size_are_bounded(settings):
    settings.TOOL_SECONDS, settings.MAX_TOOL_OUTPUT = 0.1, 1000
    assert call(SLOW, '{"seconds": 5}').output == "slow took longer than 0.1 seconds."
    output = call(SLOW, '{"seconds": 0}').output
    assert output.startswith("x" * 1000)
    assert output.endswith("(cut after 1,000 of 5,000 characters)")


@pytest.mark.parametrize("name", ["look up", "x" * 65, "ü", "save_note"])
def test_a_name_that_cannot_be_sent_or_is_taken_is_refused(name):
    with pytest.raises(ImproperlyConfigured):
        tool(title="Look up", name=name)(_weather)


def test_the_settings_name_tools_and_policies_that_there_are(settings):
    assert settings_name_tools_and_policies() == []
    settings.DEFAULT_TOOLS = ["all", "save_note", "save_notes"]
    settings.TOOL_POLICIES = {"save_note": "always", "save_nots": "ask"}

    told = [error.msg for error in settings_name_tools_and_policies()]

    assert [text.partition(":")[0] for text in told] == ["DEFAULT_TOOLS", "TOOL_POLICIES", "TOOL_POLICIES"]
    assert "'save_notes'" in told[0]
    assert "'save_nots'" in told[1]
    assert "'always'" in told[2]
