"""The syntax tree in, the checked tree out: names resolved, types agreed, nulls guarded. Everything else is refused with its offset."""

from collections.abc import Mapping
from dataclasses import replace

import re2

from streams.experience.conditions import operators as ops
from streams.experience.conditions.errors import Refused, nearest
from streams.experience.conditions.nulls import NOTHING, Paths, known_when
from streams.experience.conditions.runtime import compile_pattern
from streams.experience.conditions.syntax import (
    Binary,
    Call,
    Chain,
    Index,
    Items,
    Literal,
    Name,
    Node,
    Select,
    Ternary,
    Unary,
)
from streams.experience.conditions.typed import (
    AllOf,
    AnyOf,
    Constant,
    Convert,
    Entry,
    Field,
    HasKey,
    Invoke,
    IsNull,
    Matches,
    Not,
    Size,
    TextTest,
    Typed,
    Variable,
    path,
)
from streams.experience.conditions.types import (
    BOOL,
    DOUBLE,
    INT,
    STRING,
    Environment,
    List,
    Map,
    Nullable,
    Scalar,
    StructType,
    Type,
)

_MACROS = frozenset(("all", "exists", "exists_one", "map", "filter", "reduce", "min"))
_OTHER_CEL = frozenset(
    [
        "timestamp",
        "duration",
        "type",
        "dyn",
        "string",
        "bool",
        "bytes",
        "uint",
        "list",
        "matches",
        "contains",
        "startsWith",
        "endsWith",
    ]
)
_TEXT_TESTS = ("startsWith", "endsWith", "contains")


def infer(node: Node, environment: Environment) -> Typed:
    """The whole expression, whatever it gives. Raises Refused."""
    found = _Checker(environment).check(node, NOTHING)
    return ops.there(found, "the result")


def check(node: Node, environment: Environment, returns: Type[object]) -> Typed:
    """The whole expression, which must give `returns`. Raises Refused."""
    found = ops.fit(_Checker(environment).check(node, NOTHING), returns)
    nullable = isinstance(returns, Nullable)
    if found.type == ops.NULL and nullable:
        return found
    if ops.base(found.type) != ops.base(returns):
        what = f"the expression gives {_a(found.type)}, wanted is {_a(returns)}"
        raise Refused(node.offset, what, _towards(found.type, returns))
    if not nullable:
        ops.there(found, "the result")
    ops.in_set(returns, "the result", found)
    return found


def _a(type_: Type[object]) -> str:
    return f"an {type_}" if str(type_).startswith("i") else f"a {type_}"


def _towards(found: Type[object], returns: Type[object]) -> str:
    if ops.base(returns) == BOOL:
        return "compare it with something: ==, <, in …"
    if ops.base(returns) == DOUBLE and ops.base(found) == INT:
        return "write numbers with a point (1.0 / 2.0), or double(…)"
    return f"write an expression that gives {_a(returns)}"


class _Checker:
    """`known`: paths that an earlier part of the condition has shown not to be null."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def check(self, node: Node, known: Paths) -> Typed:
        piece = self.piece(node, known)
        if isinstance(piece.type, Nullable) and path(piece) in known:
            return replace(piece, type=piece.type.of)
        return piece

    def piece(self, node: Node, known: Paths) -> Typed:
        at = node.offset
        match node:
            case Literal(value=value):
                return Constant(_LITERALS[type(value)], at, value)
            case Name(name=name):
                return self.variable(name, at)
            case Select(of=of, field=field):
                return self.select(self.check(of, known), field, at)
            case Index(of=of, key=key):
                return self.entry(self.check(of, known), self.check(key, known))
            case Call():
                return self.call(node, known)
            case Unary(operator="!", operand=operand):
                return Not(BOOL, at, self.condition(operand, known, "!"))
            case Unary(operand=operand):
                return ops.negation(self.check(operand, known), at)
            case Chain(operator=operator, parts=parts):
                return self.chain(operator, parts, known, at)
            case Ternary():
                condition = self.condition(node.condition, known, "? :")
                if_true, if_false = known_when(condition)
                then, otherwise = self.check(node.then, known | if_true), self.check(node.otherwise, known | if_false)
                return ops.choice(condition, then, otherwise, at)
            case Binary(operator="in", left=left, right=Items(items=items)):
                return ops.one_of(self.check(left, known), tuple(self.check(one, known) for one in items), at)
            case Binary(operator="in", left=left, right=right):
                return ops.contained(self.check(left, known), self.check(right, known), at)
            case Binary(operator=operator, left=left, right=right):
                apply = ops.compare if operator in ("==", "!=", "<", "<=", ">", ">=") else ops.arithmetic
                return apply(operator, self.check(left, known), self.check(right, known), at)
        raise Refused(at, "a list here", "a list stands only to the right of `in`")

    def condition(self, node: Node, known: Paths, operator: str) -> Typed:
        found = ops.there(self.check(node, known), operator)
        if ops.base(found.type) != BOOL:
            what = f"{operator} of {ops.named(found)}, {_a(found.type)}; it takes conditions"
            raise Refused(found.offset, what, "compare it with something: ==, <, in …")
        return found

    def chain(self, operator: str, parts: tuple[Node, ...], known: Paths, at: int) -> Typed:
        checked = []
        for part in parts:
            found = self.condition(part, known, operator)
            checked.append(found)
            known = known | known_when(found)[operator == "||"]
        return (AllOf if operator == "&&" else AnyOf)(BOOL, at, tuple(checked))

    def variable(self, name: str, at: int) -> Typed:
        if name in self.environment.variables:
            return Variable(self.environment.variables[name], at, name)
        if name in self.environment.functions:
            raise Refused(at, f"`{name}` is a function", f"call it: {name}{self.environment.functions[name]}")
        raise Refused(
            at, f"there is no `{name}`", nearest(name, (*self.environment.variables, "true", "false", "null"))
        )

    def select(self, of: Typed, name: str, at: int) -> Typed:
        ops.there(of, f".{name}")
        if isinstance(of.type, Map):
            return Entry(of.type.value, at, of, Constant(STRING, at, name))
        if not isinstance(of.type, StructType):
            raise Refused(at, f"{ops.named(of)} is {_a(of.type)} and has no fields", f"remove .{name}")
        if name not in of.type.fields:
            raise Refused(at, f"{ops.named(of)} has no field `{name}`", nearest(name, of.type.fields))
        type_ = of.type.fields[name]
        plain = type_.of if isinstance(type_, Nullable) else type_
        return Field(type_, at, of, name, isinstance(plain, Scalar) and plain.decimal)

    def entry(self, of: Typed, key: Typed) -> Typed:
        ops.there(of, "[…]")
        if not isinstance(of.type, Map):
            raise Refused(key.offset, f"[…] of {_a(of.type)}", "only maps have entries by key")
        if ops.base(ops.there(key, "[…]").type) != STRING:
            raise Refused(key.offset, f"{ops.named(key)} as a key; keys are strings", "write a string")
        return Entry(of.type.value, of.offset, of, key)

    def call(self, node: Call, known: Paths) -> Typed:
        if node.of is None and node.name == "has":
            return self.has(node, known)
        if node.name in _MACROS and node.of is not None:
            raise Refused(
                node.offset, f"the macro {node.name}() is not supported", "see docs/conditions.md for what is"
            )
        arguments = [self.check(one, known) for one in (*((node.of,) if node.of else ()), *node.arguments)]
        if node.name == "size":
            return self.size(node, arguments)
        if node.of is not None:
            return self.method(node, arguments)
        if node.name in ("double", "int"):
            return self.convert(node, arguments)
        return self.invoke(node, arguments)

    def has(self, node: Call, known: Paths) -> Typed:
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Select):
            raise Refused(node.offset, "has() takes one field", "write has(event.field), or: 'key' in a map")
        found = self.piece(node.arguments[0], known)
        if isinstance(found, Entry):
            return HasKey(BOOL, node.offset, found.of, found.key)
        if isinstance(found.type, Map | List):
            raise Refused(found.offset, f"{ops.named(found)} is always there", f"write size({path(found)}) > 0")
        return IsNull(BOOL, node.offset, found, True)

    def size(self, node: Call, arguments: list[Typed]) -> Typed:
        of = self.arguments(node, arguments, "size", "a string, a list or a map", 1)[0]
        if ops.base(of.type) != STRING and not isinstance(of.type, Map | List):
            raise Refused(of.offset, f"size() of {_a(of.type)}", "it takes a string, a list or a map")
        return Size(INT, node.offset, of)

    def convert(self, node: Call, arguments: list[Typed]) -> Typed:
        of = self.arguments(node, arguments, node.name, "an int, a double or a string", 1)[0]
        if ops.base(of.type) not in (INT, DOUBLE, STRING):
            raise Refused(of.offset, f"{node.name}() of {_a(of.type)}", "it takes an int, a double or a string")
        return Convert(DOUBLE if node.name == "double" else INT, node.offset, of)

    def method(self, node: Call, arguments: list[Typed]) -> Typed:
        if node.name not in (*_TEXT_TESTS, "matches"):
            raise Refused(
                node.offset, f"there is no method `{node.name}`", nearest(node.name, (*_TEXT_TESTS, "matches", "size"))
            )
        of, argument = self.arguments(node, arguments, node.name, "one string", 2)
        for one in (of, argument):
            if ops.base(one.type) != STRING:
                raise Refused(one.offset, f"{node.name}() with {_a(one.type)}", "both sides are strings")
        if node.name != "matches":
            return TextTest(BOOL, node.offset, node.name, of, argument)
        if not isinstance(argument, Constant):
            raise Refused(argument.offset, "a pattern that is not a literal", "write the pattern itself, in quotes")
        return Matches(BOOL, node.offset, of, _pattern(argument))

    def arguments(self, node: Call, arguments: list[Typed], name: str, takes: str, count: int) -> list[Typed]:
        if len(arguments) != count:
            raise Refused(node.offset, f"{name}() with {len(node.arguments)} arguments", f"it takes {takes}")
        return [ops.there(one, f"{name}()") for one in arguments]

    def invoke(self, node: Call, arguments: list[Typed]) -> Typed:
        signature = self.environment.functions.get(node.name)
        if signature is None:
            if node.name in self.environment.variables:
                raise Refused(node.offset, f"`{node.name}` is no function", "write it without ( )")
            if node.name in _OTHER_CEL | _MACROS:
                raise Refused(node.offset, f"{node.name}() is not supported here", "see docs/conditions.md for what is")
            known = (*self.environment.functions, "has", "size", "double", "int")
            raise Refused(node.offset, f"there is no function `{node.name}`", nearest(node.name, known))
        if len(arguments) != len(signature.arguments):
            raise Refused(
                node.offset, f"{node.name}() with {len(arguments)} arguments", f"it is {node.name}{signature}"
            )
        fitted = []
        for argument, wanted in zip(arguments, signature.arguments, strict=True):
            argument = ops.fit(argument, wanted)
            if not isinstance(wanted, Nullable):
                ops.there(argument, f"{node.name}()")
            if ops.base(argument.type) != ops.base(wanted) and argument.type != ops.NULL:
                what = f"{node.name}() with {_a(argument.type)}, wanted is {_a(wanted)}"
                raise Refused(argument.offset, what, f"it is {node.name}{signature}")
            ops.in_set(wanted, f"the argument of {node.name}()", argument)
            fitted.append(argument)
        return Invoke(signature.returns, node.offset, node.name, tuple(fitted))


_LITERALS: Mapping[type, Type[object]] = {str: STRING, int: INT, float: DOUBLE, bool: BOOL, type(None): ops.NULL}


def _pattern(argument: Constant) -> str:
    pattern = str(argument.value)
    try:
        compile_pattern(pattern)
    except re2.error as error:
        detail = error.args[0]
        text = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        raise Refused(
            argument.offset, f"not a pattern: {text}", "see RE2's syntax; back references and look-around do not exist"
        ) from None
    return pattern
