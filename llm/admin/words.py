"""Lists of names as one line of a form."""

from typing import Any

from django import forms

from llm.models import validate_words

NONE = "-"


class WordsField(forms.CharField):
    """Takes names separated by commas, gives a list; an empty line is `empty`, and a single dash an empty list."""

    def __init__(self, *, empty: Any = None, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=4000, **kwargs)
        self._empty = empty

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return ", ".join(value) or ("" if self._empty == [] else NONE)
        return value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        words = [word.strip() for word in str(value or "").split(",") if word.strip()]
        if words == [NONE]:
            return []
        return words or self._empty

    def validate(self, value: Any) -> None:
        if value:
            validate_words(value)

    def run_validators(self, value: Any) -> None:
        """Leave out what is for text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))
