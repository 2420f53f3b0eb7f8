"""Why a model stopped, in the words of all vendors: servers pass on those of whatever they stand in front of."""

import re
from typing import Any

from llm.client.errors import ProviderBroken, ProviderBusy, ProviderError
from llm.client.types import FinishReason

MAX_WORD = 80
NOT_A_LETTER = re.compile("[^a-z]+")

# Compared as bare letters: `MAX_TOKENS`, `max-tokens` and `FinishReason.maxTokens` are one.
_WORDS: dict[FinishReason, str] = {
    # All that is known to be harmless. A word that stands nowhere here may mean anything, so it is no end.
    "stop": "stop eos eostoken eosfound stoppedeos eot end ended endturn endofturn endoftext endofsequence "
    "stopsequence stopsequences stoptoken stopword stoppedword stopstring complete completed done finish finished "
    "success succeeded normal natural",
    "length": "length maxlength modellength lengthlimit lengthexceeded maxtokens maxtoken maxnewtokens maxoutput "
    "maxoutputtokens maxcompletiontokens maxtokensreached maxtokensexceeded tokenlimit tokenlimitreached limit "
    "stoppedlimit errorlimit truncated contextlength contextlengthexceeded contextlimit contextwindow "
    "contextwindowexceeded modelcontextwindowexceeded maxcontext maxcontextlength maxcontextlengthreached",
    "content_filter": "contentfilter contentfiltered contentpolicy contentpolicyviolation contentmoderation filtered "
    "moderation moderated blocked blocklist safety recitation prohibitedcontent spii sensitive errortoxic guardrail "
    "guardrails guardrailintervened modelarmor imagesafety imageprohibitedcontent imagerecitation escalation "
    "puplimiteddisabled",
    "refusal": "refusal refused",
    "tool_calls": "toolcalls toolcall tooluse functioncall functioncalls",
}
REASONS: dict[str, FinishReason] = {word: reason for reason, words in _WORDS.items() for word in words.split()}

# "Not yet", in words.
UNFINISHED = {"", "unspecified", "notfinished", "inprogress", "null", "none"}

_FAILURES: dict[type[ProviderError], str] = {
    # The provider broke off, as it does with a 5xx: asking again may help where nothing was shown.
    ProviderBusy: "error errored failed failure servererror internalerror internalservererror networkerror "
    "providererror upstreamerror modelerror insufficientsystemresource insufficientsystemresources "
    "insufficientresources resourceexhausted outofmemory overload overloaded unavailable serviceunavailable capacity "
    "ratelimit ratelimited ratelimitexceeded timeout timedout timelimit deadlineexceeded",
    # What the model wrote was no reply: the vendor ends the stream without what it refused to pass on.
    ProviderBroken: "malformedfunctioncall malformedtoolcall malformedtooluse malformedresponse malformedmodeloutput "
    "missingthoughtsignature toomanytoolcalls unexpectedtoolcall invalidtoolcall invalidfunctioncall",
}
FAILURES = {word: kind for kind, words in _FAILURES.items() for word in words.split()}


def reason_of(provider: str, value: Any) -> FinishReason | None:
    """Return why a model says that it stopped, `other` for a word that nobody knows, None where it goes on.

    Raises the `ProviderError` that stands for a failure.
    """
    if not isinstance(value, str):
        return "other" if value else None
    word = NOT_A_LETTER.sub("", value[:MAX_WORD].lower()).removeprefix("finishreason")
    if word in UNFINISHED:
        return None
    if kind := FAILURES.get(word):
        raise kind(provider, re.sub(r"\W", "", value[:MAX_WORD], flags=re.ASCII))
    return REASONS.get(word, "other")


def reason_beside_calls(reason: FinishReason, has_calls: bool) -> FinishReason:
    """Return `tool_calls` for a reply with calls whatever it says, unless they may be cut or are not to be done."""
    return "tool_calls" if has_calls and reason not in ("content_filter", "other") else reason


def last_reason(before: FinishReason | None, now: FinishReason) -> FinishReason:
    """Weigh two reasons of one reply: some servers say `stop` with every chunk, and it hides nothing."""
    return before if before and now == "stop" else now
