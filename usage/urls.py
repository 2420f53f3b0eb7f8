from common.urls import with_and_without_slash
from usage.api import LimitsView, UsageView
from usage.pages import usage_page

api_patterns = [
    *with_and_without_slash("usage", UsageView.as_view(), "usage"),
    *with_and_without_slash("limits", LimitsView.as_view(), "limits"),
]
page_patterns = with_and_without_slash("usage", usage_page, "usage-page")
