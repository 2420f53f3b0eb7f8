"""CORS by view: whether scripts of other origins may call an address is for its view to say."""

from corsheaders.middleware import CorsMiddleware as StockCors
from django.http import HttpRequest

from common.view_options import options_for


class CorsMiddleware(StockCors):
    """The stock middleware for views with `cors`; `CORS_URLS_REGEX` and the signal have no say."""

    def is_enabled(self, request: HttpRequest) -> bool:
        return options_for(request).cors
