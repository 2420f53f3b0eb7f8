"""CORS by view: whether scripts of other origins may call an address is for its view to say."""

import re

from corsheaders.middleware import CorsMiddleware as StockCors
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from common.view_options import options_for

ALLOWED_ORIGIN, ALLOWED_HEADERS = "Access-Control-Allow-Origin", "Access-Control-Allow-Headers"
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


class CorsMiddleware(StockCors):
    """The stock middleware for views with `cors`; `CORS_URLS_REGEX` and the signal have no say.

    A listed origin may send whatever headers it likes: libraries add ever more of their own, and none of them does
    anything here that a program which is no browser could not do.
    """

    def is_enabled(self, request: HttpRequest) -> bool:
        return options_for(request).cors

    def add_response_headers(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        super().add_response_headers(request, response)
        asked = HEADER_NAME.findall(request.headers.get("Access-Control-Request-Headers", ""))
        if asked and request.method == "OPTIONS" and ALLOWED_ORIGIN in response:
            response[ALLOWED_HEADERS] = ", ".join(asked)
        return response
