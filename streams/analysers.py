"""The analyser of texts that the settings name. Every way into the core asks here, so that live, decide and replay agree."""

from importlib import import_module
from typing import Final

from streams.errors import UserError
from streams.experience.text import SILENT, Analyser, Tone, default_analyser
from streams.settings import Settings

VERSION_MAX: Final = 64


class Deaf:
    """Reads nothing: texts are kept and judged by nobody."""

    version: str = "none"

    def analyse(self, text: str) -> Tone:
        """Nothing."""
        return SILENT


def analyser(settings: Settings) -> Analyser:
    """The analyser of the settings. Raises UserError for one that cannot be used."""
    name = settings.core_text_analyser
    if name == "mixed":
        return default_analyser()
    if name == "none":
        return Deaf()
    module, _, function = name.partition(":")
    try:
        found = getattr(import_module(module), function)()
        version, tone = found.version, found.analyse("")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise _unusable(name, str(error)) from error
    if not isinstance(version, str) or not 0 < len(version) <= VERSION_MAX or not isinstance(tone, Tone):
        raise _unusable(name, f"version {version!r}, analyse() gives a {type(tone).__name__}")
    used: Analyser = found
    return used


def _unusable(name: str, why: str) -> UserError:
    return UserError(
        f"TOUCHSTONE_CORE_TEXT_ANALYSER={name}: {why}",
        "name mixed, none, or module:function whose result has a version (text, at most 64 characters) and "
        "analyse(text) → Tone, as in docs/text.md",
    )
