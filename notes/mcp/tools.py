"""What the tools do: check the arguments, call one function of `notes.services`, answer. Synchronous."""

from typing import Any

from common.errors import Invalid
from common.views import checked
from notes import services
from notes.mcp.catalog import McpTool
from notes.mcp.results import note_result, page_result, saved_result
from notes.models import Source


def run(tool: McpTool, owner_id: int, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry a call out. Raises Invalid and what `notes.services` raises; null counts as not given."""
    unknown = arguments.keys() - tool.input_schema["properties"].keys()
    if unknown:
        raise Invalid(f"{tool.name} takes {', '.join(tool.input_schema['properties'])}, and nothing else.")
    given = {name: value for name, value in arguments.items() if value is not None}
    return _RUNS[tool.name](owner_id, checked(tool.serializer, given))


def _save(owner_id: int, values: dict[str, Any]) -> dict[str, Any]:
    return saved_result(services.save_note(owner_id=owner_id, source=Source.CHATGPT, **values))


def _find(owner_id: int, values: dict[str, Any]) -> dict[str, Any]:
    page = services.list_notes(
        owner_id=owner_id,
        search=values.get("query", ""),
        tag=values["tag"],
        before=values["cursor"],
        limit=values["limit"],
    )
    return page_result(page)


def _read(owner_id: int, values: dict[str, Any]) -> dict[str, Any]:
    return note_result(services.read_note(owner_id=owner_id, note_id=values["id"]), values["offset"])


_RUNS = {"save_note": _save, "search_notes": _find, "list_notes": _find, "read_note": _read}
