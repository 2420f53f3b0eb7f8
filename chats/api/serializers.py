"""What the REST doors take, and what they answer; answers themselves are made by `chats.wire.payloads`."""

from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from chats.models import Role, State
from chats.wire.fields import MOST_APPROVALS, ApprovalInput, ContentField, FilesField, ModelNameField, require_said
from chats.wire.settings import ChatSettings
from common.drf import IdField, TextField
from common.time_zones import zone_names


class PromptInput(serializers.Serializer[Any]):
    content = ContentField(allow_blank=True, help_text="may be blank beside files")
    files = FilesField(required=False, default=tuple, help_text="ids of ready files of mine, shown before the text")
    model = ModelNameField(required=False, allow_blank=True, default="")
    parent = IdField(  # type: ignore[assignment]
        required=False, allow_null=True, default=None, help_text="the reply to go on from"
    )
    settings = ChatSettings(required=False, default=dict, help_text="for this turn only")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return require_said(attrs)


class EditInput(serializers.Serializer[Any]):
    content = ContentField()
    files = FilesField(
        required=False, allow_null=True, default=None, help_text="instead of those that the question has"
    )
    model = ModelNameField(required=False, allow_blank=True, default="")
    settings = ChatSettings(required=False, default=dict, help_text="for this turn only")


class RegenerateInput(serializers.Serializer[Any]):
    model = ModelNameField(required=False, allow_blank=True, default="")
    settings = ChatSettings(required=False, default=dict, help_text="for this turn only")


class ApprovalsInput(serializers.Serializer[Any]):
    approvals = ApprovalInput(many=True, allow_empty=False, max_length=MOST_APPROVALS)  # type: ignore[call-arg]


class SeedPromptInput(serializers.Serializer[Any]):
    chat_id = IdField()
    content = ContentField()


class TitleField(TextField):
    """One line of at most 200 characters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        title = " ".join(super().to_internal_value(data).split())
        if not title and not self.allow_blank:
            self.fail("blank")
        return title


class ChatInput(serializers.Serializer[Any]):
    id = IdField(required=False)
    title = TitleField(required=False, allow_blank=True, default="")
    model = ModelNameField(required=False, allow_blank=True, default="")
    settings = ChatSettings(required=False, default=dict, help_text="over those of the assistant")
    assistant = IdField(
        required=False, allow_null=True, default=None, help_text="whose model and settings the chat begins with"
    )


class ChatChangeInput(serializers.Serializer[Any]):
    title = TitleField(required=False)
    model = ModelNameField(required=False, allow_blank=True)
    settings = ChatSettings(
        required=False, allow_null=True, help_text="the members given are changed; null instead of them clears all"
    )
    assistant = IdField(
        required=False,
        allow_null=True,
        help_text="its model and settings take the place of the chat's; null forgets it",
    )
    pinned = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False)
    head = IdField(required=False, help_text="a message of the branch to show")


class ZoneField(serializers.CharField):
    """An IANA time zone name from the installed database."""

    def to_internal_value(self, data: Any) -> ZoneInfo:  # type: ignore[override]
        if data not in zone_names():
            raise serializers.ValidationError("This is not a known IANA time zone.")
        return ZoneInfo(data)


class HistoryQuery(serializers.Serializer[Any]):
    tz = ZoneField(required=False)


class ListQuery(serializers.Serializer[Any]):
    archived = serializers.BooleanField(default=False)
    pinned = serializers.BooleanField(required=False, allow_null=True, default=None)
    search = TextField(required=False, allow_blank=True, max_length=200, default="")
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200)


class MessagesQuery(serializers.Serializer[Any]):
    branch = IdField(required=False, default=None)
    before = IdField(required=False, default=None, help_text="end with this message instead")
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200, default=50)
    html = serializers.BooleanField(default=False)


class FollowQuery(serializers.Serializer[Any]):
    reply = IdField(required=False, default=None)
    after = serializers.IntegerField(required=False, min_value=0, max_value=2**53, default=None)
    html = serializers.BooleanField(default=False)


class SendQuery(serializers.Serializer[Any]):
    wait = serializers.BooleanField(default=True)
    html = serializers.BooleanField(default=False)


class LatestMessageOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(Role.choices)
    content = serializers.CharField(help_text="the first 200 characters")
    state = serializers.ChoiceField(State.choices)
    created_at = serializers.DateTimeField()


class ChatOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    client_id = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    model = serializers.CharField()
    settings = ChatSettings()
    assistant = serializers.UUIDField(allow_null=True, help_text="that it began with, which may be gone by now")
    head = serializers.UUIDField(allow_null=True)
    pinned = serializers.BooleanField()
    archived = serializers.BooleanField()
    latest_message = LatestMessageOutput(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class TokensOutput(serializers.Serializer[Any]):
    prompt = serializers.IntegerField(allow_null=True)
    completion = serializers.IntegerField(allow_null=True)


class SiblingsOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    count = serializers.IntegerField()
    ids = serializers.ListField(child=serializers.UUIDField(), help_text="in the order in which they were made")


class PartFileOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField()
    width = serializers.IntegerField(required=False, help_text="of a picture")
    height = serializers.IntegerField(required=False)
    url = serializers.CharField(help_text="for its owner")
    preview_url = serializers.CharField(required=False, help_text="a small JPEG of a picture")


class PartOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["text", "reasoning", "file", "tool_call", "source"])
    file = PartFileOutput(required=False)
    text = serializers.CharField(required=False, help_text="of text and reasoning")
    id = serializers.CharField(required=False, help_text="of a tool call, unique in the message")
    name = serializers.CharField(required=False, help_text="of the tool")
    title = serializers.CharField(required=False, help_text="of the tool, in words; or of a source")
    input = serializers.JSONField(required=False, help_text="arguments; text where they are no JSON object")
    state = serializers.ChoiceField(
        ["running", "waiting", "complete", "failed", "denied", "unknown"], required=False,
        help_text="of a tool call; unknown where the server was interrupted while it ran",
    )  # fmt: skip
    output = serializers.CharField(required=False, help_text="the first 2,000 characters")
    length = serializers.IntegerField(required=False, help_text="characters of the whole output, where it is longer")
    error = serializers.CharField(required=False)
    seconds = serializers.FloatField(required=False, help_text="of a tool call, and of reasoning where that is known")
    url = serializers.CharField(required=False, help_text="of a source")


class WaitingOutput(serializers.Serializer[Any]):
    at = serializers.IntegerField()
    calls = serializers.ListField(child=PartOutput())
    expires_at = serializers.DateTimeField()


class FallbackOutput(serializers.Serializer[Any]):
    asked = serializers.CharField(help_text="`provider/model`")
    reason = serializers.CharField(help_text="why that has not answered, as `reason` of a failed reply")


class MessageOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    client_id = serializers.CharField(allow_null=True)
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    role = serializers.ChoiceField(Role.choices)
    content = serializers.CharField()
    reasoning = serializers.CharField()
    parts = serializers.ListField(child=PartOutput(), help_text="all of it in order of arrival")
    state = serializers.ChoiceField(State.choices)
    reason = serializers.CharField()
    model = serializers.CharField()
    provider = serializers.CharField()
    tokens = TokensOutput()
    cost = serializers.IntegerField(allow_null=True, help_text="millionths of the currency; null: no price is known")
    fallback = FallbackOutput(allow_null=True, help_text="where another model has answered than the one asked for")
    siblings = SiblingsOutput()
    created_at = serializers.DateTimeField()
    content_html = serializers.CharField(required=False, help_text="sanitised; only with ?html=1")


class MessagesPageOutput(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = MessageOutput(many=True)


class TurnOutput(serializers.Serializer[Any]):
    question = MessageOutput()
    reply = MessageOutput()


class DecisionOutput(TurnOutput):
    waiting = WaitingOutput(required=False, help_text="the calls that are yet to be decided on")


class HistoryOutput(serializers.Serializer[Any]):
    today = ChatOutput(many=True)
    yesterday = ChatOutput(many=True)
    seven_days = ChatOutput(many=True)
    older = ChatOutput(many=True)


class AbilitiesOutput(serializers.Serializer[Any]):
    """Null is not known: what is asked for is then passed on."""

    tools = serializers.BooleanField(allow_null=True)
    images = serializers.BooleanField(allow_null=True)
    files = serializers.BooleanField(allow_null=True)
    structured_output = serializers.BooleanField(allow_null=True)
    sampling = serializers.BooleanField(allow_null=True, help_text="temperature and top_p")
    efforts = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="of reasoning; empty where it does not reason"
    )


class LimitsOutput(serializers.Serializer[Any]):
    context_tokens = serializers.IntegerField(allow_null=True)
    max_output_tokens = serializers.IntegerField(allow_null=True)


class PricesOutput(serializers.Serializer[Any]):
    """Micro-units of the currency for a million tokens; null is not known."""

    input = serializers.IntegerField(allow_null=True)
    output = serializers.IntegerField(allow_null=True)
    cached_input = serializers.IntegerField(allow_null=True)


class ModelOutput(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="provider/id, as requests and chats name it")
    provider = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    available = serializers.BooleanField()
    default = serializers.BooleanField()
    abilities = AbilitiesOutput()
    limits = LimitsOutput()
    prices = PricesOutput()


class SeedReplyOutput(serializers.Serializer[Any]):
    reply = serializers.CharField()


class SeedMessageOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(Role.choices)
    content = serializers.CharField()
    created_at = serializers.DateTimeField()


class SeedChatOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    created_at = serializers.DateTimeField()
