"""Icons for templates (paths on a grid of 24, drawn with the colour of the text) and form tokens."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

PATHS = {
    "archive": '<path d="M3 5h18v4H3zM5 9v10h14V9M10 13h4"/>',
    "attach": '<path d="m19 11-8 8a4 4 0 0 1-6-6l8-8a3 3 0 0 1 4 4l-8 8a1 1 0 0 1-2-2l7-7"/>',
    "bookmark": '<path d="M7 4h10v16l-5-4-5 4z"/>',
    "chevron-left": '<path d="m14 6-6 6 6 6"/>',
    "chevron-right": '<path d="m10 6 6 6-6 6"/>',
    "close": '<path d="m6 6 12 12M18 6 6 18"/>',
    "copy": '<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M5 15H4V5a1 1 0 0 1 1-1h10v1"/>',
    "down": '<path d="M12 5v14m-6-6 6 6 6-6"/>',
    "edit": '<path d="M4 20h4L19 9l-4-4L4 16zM13.5 6.5l4 4"/>',
    "go-on": '<path d="M5 5v14l8-7zM16 5v14"/>',
    "menu": '<path d="M4 7h16M4 12h16M4 17h10"/>',
    "more": '<path d="M5.5 12h.01M12 12h.01M18.5 12h.01" stroke-width="3"/>',
    "new": '<path d="M12 5H6a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-6M10 14l.5-3L18 3.5 20.5 6 13 13.5z"/>',
    "pin": '<path d="M9 4h6l-1 6 3 3H7l3-3zM12 13v7"/>',
    "retry": '<path d="M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5"/>',
    "search": '<circle cx="11" cy="11" r="6"/><path d="m16 16 4 4"/>',
    "send": '<path d="M12 19V5m-6 6 6-6 6 6"/>',
    "settings": '<path d="M4 7h9m4 0h3M4 17h3m4 0h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>',
    "stop": '<rect x="7" y="7" width="10" height="10" rx="1.5" fill="currentColor"/>',
    "theme": '<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>',
    "thumb-down": '<path d="M17 13V4H7.5L5 10.5V13h5l-1 6 2 1 4-7zM17 4h3v9h-3"/>',
    "thumb-up": '<path d="M7 11v9h9.5l2.5-6.5V11h-5l1-6-2-1-4 7zM7 20H4v-9h3"/>',
    "trash": '<path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5"/>',
    "user": '<circle cx="12" cy="8" r="4"/><path d="M4 20c1-4 4-6 8-6s7 2 8 6"/>',
}
_SVG = '<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">{}</svg>'
_DRAWN = {name: format_html(_SVG, mark_safe(path)) for name, path in PATHS.items()}  # noqa: S308


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon; what it means is for the text beside it or the label around it to say."""
    return _DRAWN[name]


@register.simple_tag
def verb_button(name: str, label: str) -> SafeString:
    """Draw a button that is an icon and says its label to those who cannot see it, and to who points at it."""
    return format_html('<button class="icon-button" title="{0}" aria-label="{0}">{1}</button>', label, _DRAWN[name])


@register.simple_tag(takes_context=True)
def csrf_input(context: dict[str, Any]) -> str:
    """Put the CSRF token into a form; frames have none, since who gets those has script, which sends it as a header."""
    value = context.get("csrf_token")
    return format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', value) if value else ""
