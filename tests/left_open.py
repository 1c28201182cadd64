"""What foreign libraries leave open is collected where it was left, not in a later test, which would fail for it."""

import gc
import warnings


def collect() -> None:
    """kafka-python leaves a socket at each attempt to find a broker that has died, jgo one at each refused download."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
