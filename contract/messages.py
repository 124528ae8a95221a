"""What people are told, in each language: a template with its values instead of a finished sentence.

Both sides tell an admin what is wrong with a configuration, one on a terminal, one on a page; the words live here so
that neither needs the other. English is the key, `contract/vietnamese.py` the translation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Self

from contract.vietnamese import VIETNAMESE

if TYPE_CHECKING:
    from contract.rules.base import Language  # rules say what is wrong with them, too


class Text(str):
    """A message that can be said in each language; as a `str` it is English.

    Values of people's own files are written `{name!r}` in every language, so that control characters show as escapes.

    Args:
        template: A format string over `values`: a literal, so that a test finds it and asks for its translation.
        values: What is filled in; a `Text` among them is said in the same language.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Make the English sentence and keep its parts."""
        self = super().__new__(cls, template.format(**values))
        self.template, self.values = template, values
        return self

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        """Copy and pickle its parts: the sentence is no template, and may hold braces of people's own."""
        return partial(type(self), **self.values), (self.template,)

    def in_language(self, language: Language) -> str:
        """The message in a language."""
        if language == "en":
            return str(self)
        words = {name: in_language(value, language) for name, value in self.values.items()}
        return VIETNAMESE.get(self.template, self.template).format(**words)


def in_language(value: object, language: Language) -> object:
    """A message in a language; anything else as it is."""
    return value.in_language(language) if isinstance(value, Text) else value


def one_of(names: Iterable[str]) -> Text:
    """The remedy for a name that nobody knows."""
    known = ", ".join(names)
    return Text("use one of: {names}", names=known) if known else Text("define one first")
