"""Whether a tool is run unasked, asks first, or is not offered at all."""

from collections.abc import Collection
from enum import StrEnum

from django.conf import settings

from tools.functions import Tool, registered_tools

ALL = "all"  # stands for the names of all tools


class Policy(StrEnum):
    AUTO = "auto"
    ASK = "ask"
    NEVER = "never"


def policy_of(tool: Tool) -> Policy:
    """Return what `TOOL_POLICIES` says, else `auto` for a tool that only reads, and `ask` for any other.

    What is no policy counts as `never`.
    """
    said = settings.TOOL_POLICIES.get(tool.name)
    if said is None:
        return Policy.AUTO if tool.reads else Policy.ASK
    return Policy(said) if said in [*Policy] else Policy.NEVER


def offered_tools(names: Collection[str] | None, can_ask: bool) -> dict[str, Tool]:
    """Return the tools of these names that a turn may offer; None means those of `DEFAULT_TOOLS`.

    Where nobody can be asked, only those that need not ask.
    """
    wanted = settings.DEFAULT_TOOLS if names is None else names
    if not wanted:
        return {}
    allowed = (Policy.AUTO, Policy.ASK) if can_ask else (Policy.AUTO,)
    known = registered_tools()
    chosen = known if ALL in wanted else [name for name in dict.fromkeys(wanted) if name in known]
    return {name: known[name] for name in chosen if policy_of(known[name]) in allowed}
