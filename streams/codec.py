"""The codec of this process: ids of schemas/ids.yaml, or of the registry that the settings name."""

import time
from collections.abc import Callable, Collection
from typing import Final

from schemas.codec import STRUCTS, Codec
from schemas.confluent import Credentials, Refused, Registry, RegistryError, Unauthorised, Unreachable
from schemas.registry import latest, subjects
from schemas.topics import AUDIENCE, all_topics
from streams.errors import ExitCode, Unavailable, UserError
from streams.settings import Settings

FORGET_SECONDS: Final = 30.0  # an id that the registry did not know is asked for again after this
# What the jobs write.
OUTPUTS: Final = (
    "experience",
    "action",
    "notification",
    "episode",
    "holdout",
    "cause",
    "control",
)
_REMEMBERED_MAX: Final = 10_000


def registry(settings: Settings, timeout_seconds: float = 5.0) -> Registry | None:
    """The configured registry. Raises UserError for an address that is none."""
    if not settings.registry_url:
        return None
    password = settings.registry_password.get_secret_value()
    credentials = Credentials(settings.registry_username, password) if settings.registry_username else None
    try:
        return Registry(
            settings.registry_url, credentials, cafile=settings.registry_cafile, timeout_seconds=timeout_seconds
        )
    except ValueError as error:
        fix = "user and password have settings of their own: TOUCHSTONE_REGISTRY_USERNAME, TOUCHSTONE_REGISTRY_PASSWORD"
        raise UserError(f"TOUCHSTONE_REGISTRY_URL: {error}", fix) from None
    except OSError as error:
        raise UserError(f"TOUCHSTONE_REGISTRY_CAFILE: {error.strerror or error}", "name a file in PEM form") from None


def codec(settings: Settings, writes: Collection[str] | None = None, audiences: Collection[str] = ()) -> Codec:
    """With a registry its ids are looked up once, here, for the schemas that this process `writes` (None: all of them).

    `audiences`: of the notification topics whose subjects carry the notification's schema. Raises UserError for a
    schema that is not registered and for a registry that does not answer.
    """
    client = registry(settings)
    if client is None:
        return Codec()
    wanted = STRUCTS if writes is None else writes
    try:
        ids = {name: _id(client, settings, name, audiences) for name in wanted}
    except RegistryError as error:
        raise user_error(error) from None
    return Codec(ids, Fetch(client))


def user_error(error: RegistryError) -> UserError:
    """What the person at the command line reads."""
    if isinstance(error, Unreachable):
        fix = "check TOUCHSTONE_REGISTRY_URL and the network; without a registry unset it"
        return UserError(str(error), fix, exit_code=ExitCode.UNAVAILABLE)
    if isinstance(error, Unauthorised):
        return UserError(str(error), "set TOUCHSTONE_REGISTRY_USERNAME and TOUCHSTONE_REGISTRY_PASSWORD (or …_FILE)")
    return UserError(str(error), "`touchstone schemas register --dry-run` says how each schema stands there")


def _id(client: Registry, settings: Settings, name: str, audiences: Collection[str]) -> int:
    candidates = [subject for subject, schema in subjects(settings.kafka_prefix, audiences).items() if schema == name]
    for subject in candidates:
        there = client.find(subject, latest(name).text)
        if there is not None:
            return there.id
    told = ", ".join(candidates) or next(topic for topic, entry in all_topics().items() if entry.schema == name)
    raise UserError(
        f"{client.name} does not have {name}.v{latest(name).version} under {told}",
        "`touchstone schemas register` puts it there" + (", with --audience" if AUDIENCE in told else ""),
    )


class Fetch:
    """Text of a schema by its id, for `Codec`. What the registry does not know is not asked for again for a while."""

    def __init__(
        self, client: Registry, now: Callable[[], float] = time.monotonic, forget_seconds: float = FORGET_SECONDS
    ) -> None:
        self._client = client
        self._now = now
        self._forget = forget_seconds
        self._unknown: dict[int, float] = {}

    def __call__(self, schema_id: int) -> str | None:
        """Raises Unavailable when the registry cannot say."""
        asked = self._unknown.get(schema_id)
        if asked is not None and self._now() - asked < self._forget:
            return None
        try:
            text = self._client.schema(schema_id)
        except Refused:  # it answered, and not with a schema
            text = None
        except RegistryError as error:
            raise Unavailable(str(error)) from None
        if text is None:
            if len(self._unknown) >= _REMEMBERED_MAX:
                self._unknown.clear()
            self._unknown[schema_id] = self._now()
        else:
            self._unknown.pop(schema_id, None)
        return text
