"""What a step of the core needs besides state and inputs, and what it gives."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schemas.codec import Codec
from schemas.decisions import Loser
from streams.engine.job import Output
from streams.experience.controls import Controls
from streams.experience.folding import Failure, Input
from streams.experience.state import Piece
from streams.experience.text import Analyser


class Limits(NamedTuple):
    """How late an event may be (µs, against the subject's newest event), and how many inputs a window holds."""

    lateness: int
    window: int


class Surroundings(NamedTuple):
    """What a step needs besides state and inputs; all of it pure. `decode` gives an input from a piece of the window."""

    controls: Controls
    codec: Codec
    analyser: Analyser
    limits: Limits
    decode: Callable[[Piece], Input]


class Outcome(msgspec.Struct):
    """What a step gives. `late`: inputs that came too late for the window. `next_due_at` µs."""

    state: bytes
    outputs: list[Output]
    next_due_at: int | None
    late: list[Input]
    duplicates: int
    refolds: int
    losers: list[Loser]
    errors: list[Failure]
