"""The form of a note."""

from django import forms
from django.conf import settings

from notes.models import Note
from notes.text import MAX_TITLE, normal_tags, tags_problem


class NoteForm(forms.Form):
    title = forms.CharField(required=False, max_length=MAX_TITLE, help_text="Empty: the first heading or line.")
    content = forms.CharField(
        strip=False, widget=forms.Textarea(attrs={"rows": 16, "class": "writing-area"}), help_text="Markdown."
    )
    tags = forms.CharField(required=False, max_length=2000, help_text="Words, with commas between them.")

    def __init__(self, data: object = None, note: Note | None = None) -> None:
        first = {"title": note.title, "content": note.content, "tags": ", ".join(note.tags)} if note else None
        super().__init__(data, initial=first)  # type: ignore[arg-type]
        # A saved reply may be longer than what may be typed.
        self.longest = max(settings.MAX_MESSAGE_CHARS, note.length if note else 0)

    def clean_content(self) -> str:
        text = str(self.cleaned_data["content"]).replace("\r\n", "\n")
        if not text.strip():
            raise forms.ValidationError("Write something first.")
        if len(text) > self.longest:
            raise forms.ValidationError(f"A note has at most {self.longest:,} characters.")
        return text

    def clean_tags(self) -> list[str]:
        tags = normal_tags(self.cleaned_data["tags"].split(","))
        if problem := tags_problem(tags):
            raise forms.ValidationError(problem)
        return tags
