"""The async view of those whom an access token lets in."""

from django.http import HttpRequest

from accounts.access import Claims, bearer_claims
from common.views import AsyncView


class BearerView(AsyncView):
    """For signed-in users; its methods take their `Claims`."""

    async def authenticate(self, request: HttpRequest) -> Claims:
        return bearer_claims(request)
