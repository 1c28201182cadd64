"""Deterministic ids: hashes of what caused them, the same on every machine and in every replay."""

from hashlib import blake2b

from schemas.decisions import Cause

_SEPARATOR = "\x1f"


def digest(*parts: str) -> str:
    """24 hex characters of the parts; order counts."""
    return blake2b(_SEPARATOR.join(parts).encode(), digest_size=12).hexdigest()


def action_id(rule: str, subject: str, occasion: str, step: str) -> str:
    """Id of an action: the occasion is the episode's opening event, else the causing event."""
    return digest("action", rule, subject, occasion, step)


def episode_id(subject: str, journey: str, opening_event: str) -> str:
    """Id of an episode."""
    return digest("episode", subject, journey, opening_event)


def cause_id(subject: str, event: str, at: int, touchpoint: str, cause: str) -> str:
    """Id of a customer's contribution to a cause. An event can give two: when it happens, and when what it promised is due."""
    return digest("cause", subject, event, str(at), touchpoint, cause)


def cause_key(cause: Cause) -> bytes:
    """Key of a cause's messages, and of the second job's state. Contacts of units are looked at over all touchpoints."""
    touchpoint = "" if cause.cause.startswith("insights/units/") else cause.touchpoint
    return "|".join((cause.brand or "", touchpoint, cause.cause)).encode()


def content_hash(content: bytes) -> bytes:
    """Eight bytes that tell whether a content has changed."""
    return blake2b(content, digest_size=8).digest()
