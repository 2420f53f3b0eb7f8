"""Python functions that models may call: apps register them when they are ready.

    @tool(title="Find a recipe", reads=True)
    def find_recipe(
        caller: Caller, *, dish: Annotated[str, "What to cook.", Bounds(max_length=100)], limit: int = 3
    ) -> list[dict]:
        '''What a model is told that the tool does.'''

The declaration is made of the signature: name, docstring, and of every parameter after `*` its type, default and what
`Annotated` says of it: words, and `tools.signature.Bounds`. `checked` holds a call to it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import cleandoc, iscoroutinefunction
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from llm.client.types import ToolDeclaration
from tools.signature import arguments_of, checked_arguments

SENDABLE = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch  # what every vendor takes
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom, and for which reply, a tool is called; apps that the user has let in call without a chat."""

    user_id: int
    chat_id: UUID | None = None
    reply_id: UUID | None = None


@dataclass(frozen=True)
class Tool:
    """A registered function. One that `reads` only is run unasked where nothing else is said (`tools.policy`)."""

    name: str
    title: str
    function: Callable[..., Any]
    reads: bool

    @property
    def is_async(self) -> bool:
        return iscoroutinefunction(self.function)

    @cached_property
    def arguments(self) -> Any:
        """The pydantic model of the arguments; made when it is first asked for, since pydantic is slow to import."""
        return arguments_of(self.function)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of the arguments, without titles: they say what the names do."""
        schema: dict[str, Any] = self.arguments.model_json_schema()
        for titled in (schema, *schema["properties"].values()):
            titled.pop("title", None)
        return schema

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the values of all arguments; null counts as not given where there is a default. Raises Invalid."""
        return checked_arguments(self.arguments, given)

    @property
    def description(self) -> str:
        return cleandoc(self.function.__doc__ or "")

    @cached_property
    def declaration(self) -> ToolDeclaration:
        return ToolDeclaration(self.name, self.description, self.parameters)


_registered: dict[str, Tool] = {}


def tool(*, title: str, reads: bool = False, name: str = "") -> Callable[[F], F]:
    """Register a function as a tool; its name is the function's where no other is given."""

    def register(function: F) -> F:
        known = name or function.__name__
        if not SENDABLE(known) or known in _registered:
            raise ImproperlyConfigured(
                f"{known!r} is taken, or no name of a tool: letters, digits, _ and -, at most 64."
            )
        _registered[known] = Tool(known, title, function, reads)
        return function

    return register


def registered_tools() -> Mapping[str, Tool]:
    """Return every tool by its name."""
    return _registered
