"""What a message looks like: decoded, masked, as far as it goes; for people and as JSON."""

import struct
from decimal import Decimal
from typing import Any, get_args, get_origin

import msgspec
import pytest

from schemas import decisions, events
from schemas.codec import NAMES, STRUCTS, Codec
from schemas.json_form import to_json
from schemas.registry import latest
from schemas.topics import all_topics, find
from streams.engine.job import Message
from streams.tail.decode import Decoder, Shown, partial
from streams.tail.lines import line
from streams.tail.pii import MASKED, key_is_personal, masked

CODEC = Codec()
AT = 1_772_357_400_000_000
SECRET = "PERSONAL"
TOPIC_OF = {topic.schema: name.replace("{audience}", "care") for name, topic in all_topics().items() if topic.schema}


def filled(kind: Any, name: str, personal: bool) -> Any:
    """A value for a field: personal texts say so, others do not."""
    origin, arguments = get_origin(kind), get_args(kind)
    if type(None) in arguments:
        return filled(next(one for one in arguments if one is not type(None)), name, personal)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return record_of(kind)
    if origin is list:
        return [filled(arguments[0], name, personal)]
    if origin is dict:
        return {"colour": SECRET if personal else "blue"}
    if arguments:  # a Literal
        return arguments[-1]
    values = {str: SECRET if personal else f"a-{name}", int: AT if name.endswith("_at") else 1, float: 0.5, bool: False}
    return values.get(kind, Decimal("1.5000"))


def record_of(kind: type[msgspec.Struct]) -> Any:
    """A record with every field filled."""
    marked = {field["name"]: field.get("pii", False) for field in schema_of(kind.__name__)["fields"]}
    hints = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return kind(**{name: filled(hint, name, marked[name]) for name, hint in hints.items()})


def schema_of(name: str) -> dict[str, Any]:
    """The schema of a record, nested or not, by its name."""

    def search(node: Any) -> dict[str, Any] | None:
        if isinstance(node, list):
            return next((found for item in node if (found := search(item))), None)
        if not isinstance(node, dict):
            return None
        if node.get("type") == "record" and node["name"] == name:
            return node
        inner = [field["type"] for field in node.get("fields", ())] + [node.get("items"), node.get("values")]
        return next((found for item in inner if (found := search(item))), None)

    return next(found for record in STRUCTS if (found := search(latest(record).document)))


def message(value: bytes | None, topic: str = "cx-touchpoints", **changes: Any) -> Message:
    return msgspec.structs.replace(Message(topic, 0, 7, AT // 1000, b"c1", value), **changes)


def shown(record: msgspec.Struct, *, mask: bool = False) -> Shown:
    topic = TOPIC_OF[NAMES[type(record)]]
    return Decoder(CODEC, mask=mask).show(message(CODEC.encode(record), topic, key=SECRET.encode()))


@pytest.mark.parametrize("name", STRUCTS)
def test_every_record_has_a_line_and_a_json_form(name: str) -> None:
    record = record_of(STRUCTS[name])
    found = shown(record)
    assert found.problem is None
    assert found.value == to_json(record, named=False)
    assert line(found, with_topic=False).plain.startswith("2026-03-01 09:30:00 PERSONAL ")
    assert "\n" not in line(found, with_topic=True).plain


@pytest.mark.parametrize("name", STRUCTS)
def test_masked_nothing_personal_is_left(name: str) -> None:
    record = record_of(STRUCTS[name])
    found = shown(record, mask=True)
    personal_key = name not in ("control", "cause")
    assert found.key == (MASKED if personal_key else SECRET)
    found.key = None
    assert SECRET not in msgspec.json.encode(found).decode()
    assert SECRET not in line(found, with_topic=True).plain
    assert (SECRET in msgspec.json.encode(shown(record)).decode()) is True  # and without masking it is there


def test_absent_personal_fields_stay_absent() -> None:
    plain = {"event_id": "e", "subject_id": "c", "staff": None}
    assert masked("touchpoint", plain) == {"event_id": "e", "subject_id": MASKED, "staff": None}


def test_which_keys_are_personal() -> None:
    personal = {name for name, topic in all_topics().items() if key_is_personal(topic)}
    assert "cx-touchpoints" in personal
    assert "cx-dead-letters" in personal
    assert "cx-subjects-changelog" in personal
    assert not personal & {"cx-controls", "cx-causes", "cx-incidents-changelog"}
    assert key_is_personal(find("cx-notify-care"))


def test_a_score_says_when_its_lowest_is_best() -> None:
    csat = {"kind": "csat", "score": 5.0, "scale_min": 1.0, "scale_max": 5.0, "text": None}
    answer = msgspec.structs.replace(record_of(events.Feedback), **csat, scale_direction="lower_is_better")
    assert "csat 5/5 (1 is best) " in line(shown(answer), with_topic=False).plain
    answer.scale_direction = "higher_is_better"
    assert "is best" not in line(shown(answer), with_topic=False).plain


def action(**changes: Any) -> decisions.Action:
    base = record_of(decisions.Action)
    return msgspec.structs.replace(base, **changes)


def test_an_action_shows_whom_what_why_and_how_sure() -> None:
    weights = {"waiting": 0.6, "failure": 0.4, "hop": 0.1, "return": 0.05}
    evidence = [msgspec.structs.replace(record_of(decisions.Evidence), signal=s, weight=w) for s, w in weights.items()]
    changes = {"audience": "frontline", "kind": "call_back", "origin": "inferred", "score": 0.831, "revision": 2}
    text = line(shown(action(evidence=evidence, **changes)), with_topic=False)
    assert "→ frontline call_back inferred 0.83 revision 2" in text.plain
    assert "because waiting 0.60, failure 0.40, hop 0.10 and 1 more" in text.plain
    assert "retracted" not in text.plain


def test_a_retraction_is_struck_out_and_says_so() -> None:
    text = line(shown(action(retracted=True)), with_topic=False)
    assert " retracted: → " in text.plain
    assert any("strike" in str(span.style) for span in text.spans)


def test_the_event_time_is_told_when_it_is_not_the_arrival() -> None:
    late = record_of(events.Touchpoint)
    late.occurred_at = AT - 3_600_000_000
    assert "(event time 2026-03-01 08:30:00)" in line(shown(late), with_topic=False).plain
    late.occurred_at = AT - 59_000_000
    assert "event time" not in line(shown(late), with_topic=False).plain


def test_what_moves_a_terminals_cursor_is_not_printed() -> None:
    hostile = record_of(events.Touchpoint)
    hostile.touchpoint = "shop\x1b[2J\nnext [bold]line"
    text = line(Decoder(CODEC).show(message(CODEC.encode(hostile), key=b"c\x1b1")), with_topic=False)
    assert "\x1b" not in text.plain
    assert "\n" not in text.plain
    assert "shop [2J next [bold]line" in text.plain


ENCODED = CODEC.encode(record_of(events.Touchpoint))


def test_a_broken_message_is_shown_as_far_as_it_goes() -> None:
    found = Decoder(CODEC).show(message(ENCODED[:40]))
    assert found.problem is not None
    assert found.problem.startswith("malformed")
    assert found.value == {"event_id": "a-event_id", "subject_type": "touchpoint", "subject_id": SECRET, "occurred_at": "2026-03-01T09:30:00Z"}  # fmt: skip
    assert found.hex == ENCODED[:40].hex()
    text = line(found, with_topic=False).plain
    assert "as far as it goes" in text
    assert "40 bytes" in text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"\x01\x02\x03", "wrong_magic"),
        (b"\x00\x00", "malformed"),
        (b"", "empty_value"),
        (ENCODED + b"x", "trailing_bytes"),
        (struct.pack(">bI", 0, 9999) + ENCODED[5:], "unknown_schema"),
        (CODEC.encode(record_of(events.Feedback)), "wrong_schema"),
    ],
)
def test_what_does_not_decode_says_why_and_shows_its_bytes(value: bytes, problem: str) -> None:
    found = Decoder(CODEC).show(message(value))
    assert str(found.problem).startswith(problem)
    assert found.hex == value[:64].hex()
    assert found.value_bytes == len(value)


def test_masked_a_broken_message_shows_no_bytes() -> None:
    found = Decoder(CODEC, mask=True).show(message(ENCODED[:40]))
    assert found.hex is None
    assert found.problem == "malformed"
    assert SECRET not in msgspec.json.encode(found).decode()


def test_partial_needs_our_own_schema_id() -> None:
    assert partial(ENCODED, "touchpoint")["event_id"] == "a-event_id"
    assert partial(ENCODED, "feedback") == {}
    assert partial(b"\x00", "touchpoint") == {}


def test_an_instant_that_no_calendar_holds_is_shown_as_a_number() -> None:
    record = record_of(events.Touchpoint)
    record.occurred_at = 2**62
    found = shown(record)
    assert found.value is not None
    assert found.value["occurred_at"] == 2**62


def test_a_null_value_a_mark_and_a_key_that_is_no_text() -> None:
    decoder = Decoder(CODEC)
    assert decoder.show(message(None)).problem == "no value"
    mark = decoder.show(message(None, "cx-causes", key=None, headers=(("touchstone.stream-time", str(AT).encode()),)))
    assert (mark.stream_time, mark.problem) == (AT, None)
    assert "stream time 2026-03-01 09:30:00" in line(mark, with_topic=False).plain
    assert decoder.show(message(b"x", "cx-subjects-changelog", key=b"\xff")).key_hex == "ff"


def letter(value: bytes | None, **changes: Any) -> Message:
    told = {"topic": "p-cx-touchpoints", "partition": "2", "offset": "41", "exception.message": f"{SECRET} is wrong"}
    headers = [(f"__connect.errors.{name}", text.encode()) for name, text in told.items()]
    return message(value, "cx-dead-letters", headers=(*headers, ("touchstone.reason", b"key_mismatch")), **changes)


def test_a_dead_letter_shows_its_reason_and_what_it_holds() -> None:
    found = Decoder(CODEC, prefix="p-").show(letter(ENCODED))
    assert found.refused == {"reason": "key_mismatch", "topic": "p-cx-touchpoints", "partition": "2", "offset": "41", "detail": f"{SECRET} is wrong"}  # fmt: skip
    assert (found.record, found.problem) == ("touchpoint", None)
    text = line(found, with_topic=False).plain
    assert "key_mismatch PERSONAL is wrong from p-cx-touchpoints/2/41 a-touchpoint abandoned" in text


def test_a_broken_dead_letter_and_one_of_nowhere() -> None:
    found = Decoder(CODEC, prefix="p-").show(letter(ENCODED[:40]))
    assert str(found.problem).startswith("malformed")
    assert found.value is not None
    nowhere = Decoder(CODEC).show(message(b"\xff\xfe", "cx-dead-letters"))
    assert (nowhere.refused, nowhere.hex) == ({"reason": "unknown"}, "fffe")
    assert "2 bytes fffe" in line(nowhere, with_topic=False).plain


def test_a_masked_dead_letter_keeps_its_reason_only() -> None:
    found = Decoder(CODEC, mask=True, prefix="p-").show(letter(ENCODED[:40]))
    assert found.refused is not None
    assert found.refused["reason"] == "key_mismatch"
    assert SECRET not in msgspec.json.encode(found).decode()
