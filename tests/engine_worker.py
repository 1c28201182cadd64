"""A worker process for tests: `python -m tests.engine_worker asof` runs that job with the settings of the environment."""

import logging
import os
import sys

from streams import settings
from streams.engine import worker
from streams.engine.job import AnyJob
from streams.errors import UserError
from tests.engine_jobs import AsOf, Brisk, Controlled, Downstream, Moody, Upstream


def jobs(name: str) -> list[AnyJob]:
    """By name; `moody` is cured by the file that TOUCHSTONE_TEST_CURE names, if there is one."""
    if name == "chain":
        return [Upstream(), Downstream()]
    if name == "moody":
        return [Moody(os.environ.get("TOUCHSTONE_TEST_CURE", ""))]
    return [{"asof": AsOf, "brisk": Brisk, "controlled": Controlled}[name]()]


def main() -> int:
    """As `touchstone worker`: UserError is said, exit code by the error."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("aiokafka", "kafka", "faust", "mode"):
        logging.getLogger(name).setLevel("WARNING")
    try:
        return worker.run(jobs(sys.argv[1]), settings.current())
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main())
