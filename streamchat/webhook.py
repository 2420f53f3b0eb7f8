"""`/webhooks/stream/`: Stream's custom command hook, called inside the transaction that sends a message."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common.off_loop import off_loop
from common.views import AsyncView, json_response, read_object
from streamchat import hook_responses
from streamchat.command_task import answer_to
from streamchat.identity import require_configured
from streamchat.payload import StopEvent, StreamCommand, parse_command, parse_stop
from streamchat.signing import GZIP, authentic_body
from streamchat.stopping import stop_by_event


class WebhookView(AsyncView):
    schema = None  # its client is Stream, and its contract is Stream's
    cors = False
    content_encoding = True  # Stream compresses on request

    async def authenticate(self, request: HttpRequest) -> bytes:
        """Return the body: its signature is what lets it in."""
        require_configured()
        size = settings.MAX_BODY_BYTES if request.body.startswith(GZIP) else len(request.body)
        return await off_loop(size, authentic_body, request)

    async def post(self, request: HttpRequest, body: bytes) -> HttpResponse:
        """Answer a signed webhook within a second; whatever it starts goes on by itself."""
        said = await off_loop(len(body), _said, body, request.headers.get("X-Webhook-Id", ""))
        if isinstance(said, StopEvent):
            await stop_by_event(said)
            return json_response(hook_responses.UNTOUCHED)
        return json_response(hook_responses.UNTOUCHED if said is None else await answer_to(said))


def _said(body: bytes, webhook_id: str) -> StreamCommand | StopEvent | None:
    data = read_object(body)
    return parse_stop(data) or parse_command(data, body, webhook_id)
