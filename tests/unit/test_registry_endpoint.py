"""The schema endpoint's answers, and Confluent's error codes, from a registry with two versions of one subject."""

import json

import pytest

from deploy.local.registry import Endpoint
from schemas.registry import RegisteredSchema

OLD = '{"type": "record", "name": "R", "doc": "what it is", "fields": [{"name": "a", "type": "string"}]}'
NEW = OLD.replace("string", "long")
OTHER = '{"type": "record", "name": "O", "fields": []}'


class Two:
    """cx-r-value has versions 1 (id 7) and 2 (id 9); cx-o-value has version 1 (id 8)."""

    rows = (
        RegisteredSchema(8, "cx-o-value", 1, OTHER),
        RegisteredSchema(7, "cx-r-value", 1, OLD),
        RegisteredSchema(9, "cx-r-value", 2, NEW),
    )

    def subjects(self) -> list[str]:
        return ["cx-o-value", "cx-r-value"]

    def versions(self, subject: str) -> list[int]:
        return [row.version for row in self.rows if row.subject == subject]

    def schema(self, subject: str, version: int) -> RegisteredSchema:
        return next(row for row in self.rows if (row.subject, row.version) == (subject, version))

    def by_id(self, schema_id: int) -> RegisteredSchema:
        for row in self.rows:
            if row.id == schema_id:
                return row
        raise KeyError(schema_id)


LATEST = {"subject": "cx-r-value", "version": 2, "id": 9, "schema": NEW}


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/", {}),
        ("/subjects", ["cx-o-value", "cx-r-value"]),
        ("/subjects?subjectPrefix=cx-r", ["cx-r-value"]),
        ("/subjects/cx-r-value/versions", [1, 2]),
        ("/subjects/cx-r-value/versions/", [1, 2]),
        ("/subjects/cx-r-value/versions/2", LATEST),
        ("/subjects/cx-r-value/versions/latest", LATEST),
        ("/subjects/cx-r-value/versions/-1", LATEST),
        ("/subjects/cx%2Dr-value/versions/latest", LATEST),
        ("/subjects/cx-r-value/versions/1/schema", json.loads(OLD)),
        ("/schemas/ids/7", {"schema": OLD}),
        ("/schemas/ids/7?fetchMaxId=false&subject=cx-r-value", {"schema": OLD}),
        ("/schemas/ids/8/schema", json.loads(OTHER)),
        ("/schemas/ids/9/versions", [{"subject": "cx-r-value", "version": 2}]),
        ("/schemas/ids/9/subjects", ["cx-r-value"]),
        ("/schemas/types", ["AVRO"]),
        ("/config", {"compatibilityLevel": "BACKWARD_TRANSITIVE"}),
        ("/config/cx-r-value", {"compatibilityLevel": "BACKWARD_TRANSITIVE"}),
        ("/mode", {"mode": "READONLY"}),
    ],
)
def test_reading(path: str, document: object) -> None:
    assert Endpoint(Two()).answer("GET", path) == (200, document)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/subjects/none/versions", 404, 40401),
        ("GET", "/subjects/none/versions/1", 404, 40401),
        ("GET", "/subjects/cx-r-value/versions/3", 404, 40402),
        ("GET", "/subjects/cx-r-value/versions/0", 422, 42202),
        ("GET", "/subjects/cx-r-value/versions/x", 422, 42202),
        ("GET", "/subjects/cx-r-value/versions/²", 422, 42202),
        ("GET", "/schemas/ids/99", 404, 40403),
        ("GET", "/schemas/ids/x", 404, 40403),
        ("GET", "/nowhere", 404, 404),
        ("GET", "/subjects/../../etc/passwd", 404, 404),
        ("POST", "/subjects/cx-r-value/versions", 422, 42205),
        ("POST", "/subjects/none", 404, 40401),
        ("POST", "/subjects/cx-r-value", 422, 42201),
        ("PUT", "/config", 422, 42205),
        ("PUT", "/mode/cx-r-value", 422, 42205),
        ("DELETE", "/subjects/cx-r-value/versions/1", 422, 42205),
    ],
)
def test_refusals(method: str, path: str, status: int, code: int) -> None:
    answer = Endpoint(Two()).answer(method, path, b"{}")
    assert answer.status == status
    assert isinstance(answer.document, dict)
    assert answer.document["error_code"] == code
    assert answer.document["message"]


@pytest.mark.parametrize("text", [OLD, OLD.replace('"doc": "what it is", ', ""), json.dumps(json.loads(OLD))])
def test_lookup_finds_the_version_of_a_text(text: str) -> None:
    answer = Endpoint(Two()).answer("POST", "/subjects/cx-r-value", json.dumps({"schema": text}).encode())
    assert answer == (200, {"subject": "cx-r-value", "version": 1, "id": 7, "schema": OLD})


def test_lookup_of_a_text_that_is_not_there() -> None:
    answer = Endpoint(Two()).answer("POST", "/subjects/cx-r-value", json.dumps({"schema": OTHER}).encode())
    assert answer.status == 404


def test_subjects_carry_the_prefix_of_the_topics() -> None:
    endpoint = Endpoint(Two(), prefix="acme-")
    assert endpoint.answer("GET", "/subjects") == (200, ["acme-cx-o-value", "acme-cx-r-value"])
    assert endpoint.answer("GET", "/subjects/acme-cx-r-value/versions/2").status == 200
    assert endpoint.answer("GET", "/subjects/cx-r-value/versions/2").status == 404
