"""OpenAI's moderation endpoint as the fake speaks it."""

from typing import Any

FLAG = "[flagged]"
CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def verdict(body: dict[str, Any]) -> dict[str, Any]:
    """Judge every input; the mark in it is violence."""
    given = body["input"]
    texts = given if isinstance(given, list) else [given]
    results = [_result(FLAG in str(text)) for text in texts]
    return {"id": "modr-fake", "model": body.get("model", "omni-moderation-latest"), "results": results}


def _result(flagged: bool) -> dict[str, Any]:
    hits = {name: flagged and name == "violence" for name in CATEGORIES}
    return {
        "flagged": flagged,
        "categories": hits,
        "category_scores": {name: 0.99 if hit else 0.01 for name, hit in hits.items()},
        "category_applied_input_types": {name: ["text"] for name in hits},
    }
