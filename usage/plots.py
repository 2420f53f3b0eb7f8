"""Plots for pages, as SVG without a script or a style: what they look like is for the page's own sheet to say."""

from collections.abc import Mapping
from datetime import date, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from usage.refusals import amount_in_words

HEIGHT, GAP = 100, 0.2  # of a column, to the next


def plot_by_day(amounts: Mapping[date, int], unit: str, first: date, last: date) -> SafeString:
    """Draw a column for each day; each says its day and its amount to whoever points at it."""
    highest = max(amounts.values(), default=0)
    days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
    columns = format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>', (
        (at + GAP / 2, HEIGHT - height, 1 - GAP, height, day, amount_in_words(unit, amounts[day]))
        for at, day in enumerate(days)
        if (height := _share(amounts.get(day, 0), highest))
    ))  # fmt: skip
    return format_html(
        '<figure class="plot"><figcaption>{}</figcaption><svg viewBox="0 0 {} {}" preserveAspectRatio="none" '
        'role="img" aria-label="By day, from {} to {}">{}</svg><div><span>{}</span><span>{}</span></div></figure>',
        amount_in_words(unit, highest), len(days), HEIGHT, first, last, columns, first, last,
    )  # fmt: skip


def bar(amount: int, highest: int) -> SafeString:
    """Draw an amount beside others, of which one is the highest."""
    return format_html(
        '<svg class="bar" viewBox="0 0 {0} 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{1}" height="1"/></svg>',
        HEIGHT, _share(amount, highest),
    )  # fmt: skip


def _share(amount: int, highest: int) -> float:
    return round(HEIGHT * amount / highest, 2) if highest else 0
