"""The tone of a text: what the customer's words say, about what, and which words say it. Chinese and English."""

from functools import cache

from streams.experience.text.mixed import Mixed
from streams.experience.text.tone import SILENT, Analyser, AspectTone, Span, Tone

__all__ = ["SILENT", "Analyser", "AspectTone", "Span", "Tone", "default_analyser"]


@cache
def default_analyser() -> Analyser:
    """The analyser that comes with the product."""
    return Mixed()
