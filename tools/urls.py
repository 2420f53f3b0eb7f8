from common.urls import with_and_without_slash
from tools.api import ToolsView

api_patterns = [*with_and_without_slash("tools", ToolsView.as_view(), "tools")]
