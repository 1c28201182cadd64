"""What a program under measurement says on stdout: `first` and `last` with the time, when it has decoded its first event and handled its last."""

import time


class Progress:
    """Of `messages` to handle; `left` of them are to come."""

    def __init__(self, messages: int) -> None:
        self.left = messages
        self._began = False

    def decoding(self) -> None:
        """Call before an event is decoded."""
        if not self._began:
            self._began = True
            say("first", time.time())

    def handled(self, events: int = 1) -> None:
        """Call when events have gone through the rules."""
        self.left -= events
        if self.left == 0:
            self.done()

    def done(self) -> None:
        """The last event has gone through the rules."""
        say("last", time.time())


def say(name: str, value: float) -> None:
    print(name, value, flush=True)
