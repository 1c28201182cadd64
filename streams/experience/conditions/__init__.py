"""Conditions of packs: a listed subset of CEL, checked at load with file and line, compiled once to Python. See docs/conditions.md."""

from streams.experience.conditions.condition import Condition, Expression, compile_condition, compile_value
from streams.experience.conditions.errors import ConditionError, EvaluationError
from streams.experience.conditions.records import struct_type
from streams.experience.conditions.types import (
    BOOL,
    DECIMAL,
    DOUBLE,
    INT,
    LIST,
    MAP,
    NULLABLE,
    STRING,
    SYMBOL,
    Environment,
    Scalar,
    Signature,
    StructType,
    Type,
)
from streams.experience.place import Place

__all__ = [
    "BOOL",
    "DECIMAL",
    "DOUBLE",
    "INT",
    "LIST",
    "MAP",
    "NULLABLE",
    "STRING",
    "SYMBOL",
    "Condition",
    "ConditionError",
    "Environment",
    "EvaluationError",
    "Expression",
    "Place",
    "Scalar",
    "Signature",
    "StructType",
    "Type",
    "compile_condition",
    "compile_value",
    "struct_type",
]
