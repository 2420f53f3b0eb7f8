"""System checks of what the settings say of tools."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from tools.functions import registered_tools
from tools.policy import ALL, Policy


@register()
def settings_name_tools_and_policies(**_: Any) -> list[CheckMessage]:
    """A misspelt name would offer nothing, and a misspelt policy nobody's word, without a word to anybody."""
    known, policies = registered_tools(), [*Policy]
    wrong = [
        f"DEFAULT_TOOLS: there is no tool {name!r}." for name in settings.DEFAULT_TOOLS if name not in (ALL, *known)
    ]
    wrong += [f"TOOL_POLICIES: there is no tool {name!r}." for name in settings.TOOL_POLICIES if name not in known]
    wrong += [
        f"TOOL_POLICIES: {said!r} for {name} is no policy." for name, said in settings.TOOL_POLICIES.items()
        if said not in policies
    ]  # fmt: skip
    hint = f"Tools: {', '.join(known)}. Policies: {', '.join(policies)}."
    return [Error(text, hint=hint, id="parley.E003") for text in wrong]
