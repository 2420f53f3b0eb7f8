"""How Gemini is to answer: its thoughts, its form, its tools."""

import re
from collections.abc import Mapping
from typing import Any

from llm.client.adapters.effort import nearest_effort
from llm.client.adapters.response_format import schema_of
from llm.client.types import Effort, Prompt

PARAMS = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
LEVELS: tuple[Effort, ...] = ("minimal", "low", "medium", "high", "xhigh")
# Before there were levels; 0 is none at all, which the larger model does not take.
BUDGETS: dict[Effort, int] = {"none": 0, "minimal": 512, "low": 2_048, "medium": 8_192, "high": 24_576}
has_levels = re.compile(r"gemini-(?![12](?:[.-]|$)|.*-(?:image|tts|live|embedding))").match
has_budgets = re.compile(r"gemini-2\.5-(?!.*(?:image|tts|live))").match
always_thinks = re.compile(r"gemini-2\.5-pro").match
MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def generation_config(prompt: Prompt) -> dict[str, Any]:
    params = prompt.params
    config: dict[str, Any] = {PARAMS[name]: value for name, value in params.items() if name in PARAMS}
    if params.get("response_format", {}).get("type") in ("json_object", "json_schema"):
        config["responseMimeType"] = "application/json"
        if (schema := schema_of(params)) is not None:
            config["responseJsonSchema"] = schema
    return config | _thinking(prompt.model, params.get("effort"))


def tool_config(choice: str | Mapping[str, str] | None) -> dict[str, Any]:
    """Say which functions are to be called; nothing leaves it to the model."""
    if not choice:
        return {}
    named = {"mode": "ANY", "allowedFunctionNames": [choice["name"]]} if isinstance(choice, Mapping) else None
    return {"toolConfig": {"functionCallingConfig": named or {"mode": MODES[str(choice)]}}}


def _thinking(model: str, effort: Effort | None) -> dict[str, Any]:
    """Ask to see the thoughts of a model that has any."""
    wanted: dict[str, Any] = {"includeThoughts": True}
    if has_levels(model):
        if effort:
            wanted["thinkingLevel"] = nearest_effort(effort, LEVELS).upper()
    elif has_budgets(model):
        if effort:
            known = tuple(BUDGETS)[1:] if always_thinks(model) else tuple(BUDGETS)
            wanted["thinkingBudget"] = BUDGETS[nearest_effort(effort, known)]
    else:
        return {}
    return {"thinkingConfig": wanted}
