"""How many tokens a text has, as far as that can be said without its model's tokenizer."""

from orjson import dumps

from llm.client.types import File, Prompt, PromptMessage, RequestedCall, ToolResult, Usage

MOST_TOKENS = 2**31 - 1
BYTES_PER_TOKEN = 3  # English has four and more, code and other scripts fewer: an estimate is rather too high
PER_MESSAGE = 16  # what a vendor's template puts around a message, at most
PER_IMAGE = 50_000  # the dearest that a vendor makes of one
SMALL_IMAGE = 1_600  # about what they make of one as large as we send them


def size_of(text: str) -> int:
    """Return the bytes of a text in UTF-8, which are at least as many as its tokens."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def bytes_within(tokens: int) -> int:
    """Return how many bytes are estimated to be no more than so many tokens."""
    return tokens * BYTES_PER_TOKEN


def estimated(size: int) -> int:
    """Return about how many tokens so many bytes are."""
    return -(-size // BYTES_PER_TOKEN)


def prompt_size(prompt: Prompt) -> int:
    """Return the bytes of all texts of a prompt, those of tools, calls and results too, and what goes around them."""
    size = size_of(prompt.system) + PER_MESSAGE
    for tool in prompt.tools:
        size += size_of(tool.name) + size_of(tool.description) + len(dumps(tool.parameters)) + PER_MESSAGE
    if form := prompt.params.get("response_format"):
        size += len(dumps(form))
    return size + sum([_message_size(message) for message in prompt.messages])


def _message_size(message: PromptMessage) -> int:
    size = size_of(message.text) + PER_MESSAGE
    for part in message.parts:
        if isinstance(part, RequestedCall):
            size += size_of(part.name) + size_of(part.arguments) + PER_MESSAGE
        elif isinstance(part, ToolResult):
            size += size_of(part.name) + size_of(part.output) + PER_MESSAGE
    return size


def files_bound(prompt: Prompt) -> int:
    """Return the most tokens that the files of a prompt can be."""
    files = [part for message in prompt.messages for part in message.parts if isinstance(part, File)]
    return sum([PER_IMAGE if each.is_image else len(each.data) for each in files])


def sane(usage: Usage) -> Usage:
    """Return what a provider counted within what can be true, whatever it says."""
    prompt, completion = _bounded(usage.prompt), _bounded(usage.completion)
    return Usage(prompt, completion, min(_bounded(usage.cached), prompt), min(_bounded(usage.reasoning), completion))


def _bounded(count: int) -> int:
    return max(0, min(count, MOST_TOKENS))
