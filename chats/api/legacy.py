"""The six addresses of the first front end; errors carry `error` beside the problem's members."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import Claims, viewer_of
from accounts.views import BearerView
from chats import turns
from chats.api.chats import now_and_zone
from chats.api.serializers import HistoryQuery, SeedChatOutput, SeedMessageOutput, SeedPromptInput, SeedReplyOutput
from chats.history import Bucket
from chats.services.chats import in_bucket
from chats.services.messages import read_whole_branch
from chats.wire.idempotency import IDEMPOTENCY_KEY, idempotency_key
from chats.wire.schema import PROBLEMS, TURN_PROBLEMS
from chats.wire.waiting import failure_of
from common.errors import ParleyError
from common.problems import problem_response
from common.views import checked_body, json_response


def problem_with_error(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer a refusal with the seed's `error` member added."""
    refusal.extra["error"] = refusal.detail
    return problem_response(request, refusal)


class _PromptView(BearerView):
    vendor = ""
    refusal_response = staticmethod(problem_with_error)

    async def answer(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        data = await checked_body(SeedPromptInput, request, foreign=True)
        accepted = await turns.start(
            claims,
            turns.SendRequest(
                chat=data["chat_id"],
                content=data["content"],
                model=self.vendor,
                key=idempotency_key(request),
                create=True,
            ),
        )
        reply = await turns.wait_for(accepted.chat_id, accepted.reply.id)
        if failure := failure_of(reply):
            raise failure
        return json_response({"reply": reply.content}, status=201)


class PromptGptView(_PromptView):
    vendor = "openai"

    @extend_schema(
        operation_id="prompt_gpt",
        request=SeedPromptInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: SeedReplyOutput, **TURN_PROBLEMS},
    )
    async def post(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        """Ask OpenAI's model in a chat, which is made on first use, and wait for the reply."""
        return await self.answer(request, claims)


class PromptGeminiView(_PromptView):
    vendor = "gemini"

    @extend_schema(
        operation_id="prompt_gemini",
        request=SeedPromptInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: SeedReplyOutput, **TURN_PROBLEMS},
    )
    async def post(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        """Ask Gemini's model in a chat, which is made on first use, and wait for the reply."""
        return await self.answer(request, claims)


class _SeedView(APIView):
    refusal_response = staticmethod(problem_with_error)


class ChatMessagesView(_SeedView):
    @extend_schema(operation_id="get_chat_messages", responses={200: SeedMessageOutput(many=True), **PROBLEMS})
    def get(self, request: Request, chat_id: UUID) -> Response:
        """Return the whole branch shown, oldest first."""
        rows = read_whole_branch(viewer_of(request).id, chat_id)
        names = ("id", "role", "content", "created_at")
        return Response([{name: getattr(row, name) for name in names} for row in rows])


class BucketView(_SeedView):
    bucket = Bucket.TODAY

    @extend_schema(parameters=[HistoryQuery], responses={200: SeedChatOutput(many=True), **PROBLEMS})
    def get(self, request: Request) -> Response:
        """Return the ten newest chats that were made on the day or days, in the user's zone."""
        return Response(in_bucket(viewer_of(request).id, self.bucket, *now_and_zone(request)))
