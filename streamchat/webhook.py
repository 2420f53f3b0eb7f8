"""`/webhooks/stream/`: Stream's custom command hook, called inside the transaction that sends a message."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common.off_loop import off_loop
from common.views import AsyncView, json_response, read_object
from streamchat import hook_responses
from streamchat.command_task import answer_to
from streamchat.identity import require_configured
from streamchat.payload import StreamCommand, parse_command
from streamchat.signing import GZIP, authentic_body


class WebhookView(AsyncView):
    schema = None  # its client is Stream, and its contract is Stream's
    cors = False

    async def authenticate(self, request: HttpRequest) -> bytes:
        """Return the body: its signature is what lets it in."""
        require_configured()
        size = settings.MAX_BODY_BYTES if request.body.startswith(GZIP) else len(request.body)
        return await off_loop(size, authentic_body, request)

    async def post(self, request: HttpRequest, body: bytes) -> HttpResponse:
        """Answer a signed webhook within a second; whatever it starts goes on by itself."""
        command = await off_loop(len(body), _command, body, request.headers.get("X-Webhook-Id", ""))
        return json_response(hook_responses.UNTOUCHED if command is None else await answer_to(command))


def _command(body: bytes, webhook_id: str) -> StreamCommand | None:
    return parse_command(read_object(body), body, webhook_id)
