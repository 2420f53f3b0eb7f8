"""The tools that a turn may offer, and what is open of the calls that its model has made."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from chats.models import ToolGrant
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
        return self._must_be_allowed(name) and name not in self.granted

    def goes_by_grant(self, name: str) -> bool:
        """Tell whether a call of this name does not ask only since the user has allowed the tool in this chat."""
        return self._must_be_allowed(name) and name in self.granted

    def _must_be_allowed(self, name: str) -> bool:
        tool = self.tools.get(name)
        return tool is not None and policy_of(tool) is not Policy.AUTO


def is_granted(chat_id: UUID | None, tool: str) -> bool:
    """Tell whether a tool is, at this moment, allowed once and for all in a chat."""
    return chat_id is not None and ToolGrant.objects.filter(chat_id=chat_id, tool=tool).exists()


@dataclass(slots=True)
class OpenCall:
    """A call that has no result yet."""

    id: str
    name: str
    arguments: str
    asks: bool
    by_grant: bool = False  # it does not ask since its tool was allowed once and for all
