"""The tools that a turn may offer, and what is open of the calls that its model has made."""

from collections.abc import Mapping
from dataclasses import dataclass

from llm.client.types import ToolDeclaration
from tools.functions import Caller, Tool
from tools.policy import Policy, policy_of


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that a turn offers, and those of them that the user has allowed once and for all in this chat."""

    caller: Caller
    tools: Mapping[str, Tool]
    granted: frozenset[str] = frozenset()

    @property
    def declarations(self) -> tuple[ToolDeclaration, ...]:
        return tuple(tool.declaration for tool in self.tools.values())

    def asks(self, name: str) -> bool:
        """Tell whether a call of this name needs the user's word; whatever is not said to be allowed does."""
        tool = self.tools.get(name)
        return tool is not None and policy_of(tool) is not Policy.AUTO and name not in self.granted


@dataclass(slots=True)
class OpenCall:
    """A call that has no result yet."""

    id: str
    name: str
    arguments: str
    asks: bool
