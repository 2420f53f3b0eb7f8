"""`/webhooks/stream/`: Stream's custom command hook, called inside the transaction that sends a message."""

from django.http import HttpRequest, HttpResponse

from common.errors import Invalid
from common.json import loads
from common.views import AsyncView, json_response
from streamchat import hook_responses
from streamchat.command_task import answer_to
from streamchat.identity import require_configured
from streamchat.payload import parse_command, parse_stop
from streamchat.signing import authentic_body
from streamchat.stopping import stop_by_event


class WebhookView(AsyncView):
    schema = None  # its client is Stream, and its contract is Stream's
    cors = False
    content_encoding = True  # Stream compresses on request

    async def authenticate(self, request: HttpRequest) -> bytes:
        """Return the body: its signature is what lets it in."""
        require_configured()
        return authentic_body(request)

    async def post(self, request: HttpRequest, body: bytes) -> HttpResponse:
        """Answer a signed webhook within a second; whatever it starts goes on by itself."""
        data = loads(body)
        if not isinstance(data, dict):
            raise Invalid("Send a JSON object.")
        if stop := parse_stop(data):
            await stop_by_event(stop)
            return json_response(hook_responses.UNTOUCHED)
        command = parse_command(data, body, request.headers.get("X-Webhook-Id", ""))
        return json_response(hook_responses.UNTOUCHED if command is None else await answer_to(command))
