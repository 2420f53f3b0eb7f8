"""Those whom an access token lets in: their async view, and what other views say of them."""

from django.http import HttpRequest

from accounts.access import Claims, bearer_claims
from common.views import AsyncView


async def by_bearer(request: HttpRequest) -> Claims:
    """Return the claims of the access token: the option `authenticate` of a view that is none of the async lane."""
    return bearer_claims(request)


class BearerView(AsyncView):
    """For signed-in users; its methods take their `Claims`."""

    async def authenticate(self, request: HttpRequest) -> Claims:
        return bearer_claims(request)
