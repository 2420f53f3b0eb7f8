from common.urls import with_and_without_slash
from files.api import ContentView, ExtractView, FilesView, FileView, PreviewView

_FILE = "files/<anyuuid:file_id>"

api_patterns = [
    *with_and_without_slash("files", FilesView.as_view(), "files"),
    *with_and_without_slash(_FILE, FileView.as_view(), "file"),
    *with_and_without_slash(f"{_FILE}/content", ContentView.as_view(), "file-content"),
    *with_and_without_slash(f"{_FILE}/preview", PreviewView.as_view(), "file-preview"),
    *with_and_without_slash(f"{_FILE}/extract", ExtractView.as_view(), "file-extract"),
]
