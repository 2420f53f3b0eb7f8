"""What the views of the page share."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.access import Claims, Viewer
from accounts.pages.viewer import page_viewer
from common.errors import NotSignedIn, ParleyError
from common.problems import as_refusal

SyncView = Callable[..., HttpResponse]
AsyncView = Callable[..., Coroutine[Any, Any, HttpResponse]]


def page(view: SyncView) -> SyncView:
    """Give a view the signed-in viewer; others are sent to sign in, refusals become an error page."""

    @wraps(view)
    def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        viewer = page_viewer(request)
        if viewer is None:
            return _to_sign_in(request)
        try:
            return view(request, viewer, **kwargs)
        except Exception as error:
            return refused(request, error)

    return wrapped


def waiting_page(view: AsyncView) -> AsyncView:
    """Do the same for a view that waits for a reply."""

    @wraps(view)
    async def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        viewer = await sync_to_async(page_viewer)(request)
        if viewer is None:
            return _to_sign_in(request)
        try:
            return await view(request, viewer, **kwargs)
        except Exception as error:
            return await sync_to_async(refused)(request, error)

    return wrapped


def page_claims(viewer: Viewer) -> Claims:
    """Return the claims that the engine checks again."""
    if viewer.session_id is None:
        raise NotSignedIn()
    return Claims(viewer.id, viewer.session_id)


def refused(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer a refusal with a page; what nobody foresaw goes on to Django."""
    refusal = as_refusal(error)
    if refusal is None:
        raise error
    if isinstance(refusal, NotSignedIn):
        return _to_sign_in(request)
    return render(request, "error.html", {"refusal": refusal, "words": refusal_words(refusal)}, status=refusal.status)


def refusal_words(refusal: ParleyError) -> str:
    """Return what a refusal says to a person."""
    return next((texts[0] for texts in refusal.errors.values() if texts), refusal.detail)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    address = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": reverse("page-sign-in")})
    return redirect_to_login(address, reverse("page-sign-in"))


def to_chat(chat_id: UUID) -> HttpResponse:
    """Go (back) to a chat after a post."""
    return redirect(reverse("chat-page", args=[chat_id]))


def fields(data: QueryDict) -> dict[str, str]:
    """Return the fields of a form, the last value of each."""
    return {name: str(data[name]) for name in data}
