"""The checked tree in; Python source out, and the function compiled from it.

Two functions an expression: the fast one is plain Python and returns whenever nothing fails, which is CEL's answer too (&& and || decide
early in both); when something raises, the exact one runs, in which && and || absorb errors in either order.
"""

from collections import Counter
from collections.abc import Callable
from types import CodeType

from streams.experience.conditions import runtime
from streams.experience.conditions.errors import EvaluationError
from streams.experience.conditions.typed import (
    AllOf,
    AnyOf,
    Arithmetic,
    Choice,
    Compare,
    Constant,
    Convert,
    Entry,
    Field,
    HasKey,
    InList,
    Invoke,
    IsNull,
    Matches,
    Negation,
    Not,
    OneOf,
    Size,
    TextTest,
    Typed,
    Variable,
)
from streams.experience.conditions.types import DOUBLE, INT, STRING, List, Nullable, Scalar
from streams.experience.place import Place

Frame = object
Run = Callable[[Frame], object]

_HELPERS = {
    "_int64": runtime.int64,
    "_divide_int": runtime.divide_int,
    "_modulo_int": runtime.modulo_int,
    "_divide_double": runtime.divide_double,
    "_within": runtime.within,
    "_number": runtime.number,
    "_float": float,
    "_len": len,
    "_double_of_text": runtime.double_of_text,
    "_int_of_text": runtime.int_of_text,
    "_int_of_double": runtime.int_of_double,
    "_all_of": runtime.all_of,
    "_any_of": runtime.any_of,
    "_invoke": runtime.invoke,
    "_Exception": Exception,
}


def source_of(piece: Typed) -> str:
    """The Python source of both functions."""
    variables = Counter(one.name for one in piece.walk() if isinstance(one, Variable))
    often = [name for name, times in variables.items() if times > 1]
    patterns = _patterns(piece)
    fast = _Writer(frozenset(often), patterns, exact=False).write(piece)
    exact = _Writer(frozenset(variables), patterns, exact=True).write(piece)
    lines = ["def fast(frame):", "    try:"]
    lines += [f"        v_{name} = frame.{name}" for name in often]
    lines += [f"        return {fast}", "    except _Exception:", "        return _decide(frame)"]
    lines += ["def exact(frame):"]
    lines += [f"    v_{name} = frame.{name}" for name in variables]
    lines += [f"    return lambda: {exact}"]
    return "\n".join(lines) + "\n"


def build(piece: Typed, place: Place) -> Run:
    """The function of the expression: frame → value; raises EvaluationError where CEL says error."""
    code: CodeType = compile(source_of(piece), f"<condition {place}>", "exec", dont_inherit=True)
    searches = {name: runtime.compile_pattern(pattern) for pattern, name in _patterns(piece).items()}
    namespace: dict[str, object] = {"__builtins__": {}, **_HELPERS, **searches}
    exec(code, namespace)  # noqa: S102 - the source comes from the checked tree alone: known names and repr() of constants
    fast, exact = namespace["fast"], namespace["exact"]
    assert callable(fast)
    assert callable(exact)

    def decide(frame: Frame) -> object:
        body = exact(frame)
        try:
            return body()
        except runtime.Defect as defect:
            raise defect.cause from None
        except runtime.CEL_ERRORS as error:
            raise EvaluationError(runtime.explain(error), place) from error

    namespace["_decide"] = decide
    return fast


def _patterns(piece: Typed) -> dict[str, str]:
    found = dict.fromkeys(one.pattern for one in piece.walk() if isinstance(one, Matches))
    return {pattern: f"_search_{i}" for i, pattern in enumerate(found)}


class _Writer:
    """Writes one expression; every piece in its own parentheses, so that precedence never matters."""

    def __init__(self, locals_: frozenset[str], patterns: dict[str, str], *, exact: bool) -> None:
        self.locals = locals_
        self.patterns = patterns
        self.exact = exact

    def write(self, piece: Typed) -> str:
        match piece:
            case Constant(value=value):
                return repr(value)
            case Variable(name=name):
                return f"v_{name}" if name in self.locals else f"frame.{name}"
            case Field(decimal=True):
                return f"{'_number' if isinstance(piece.type, Nullable) else '_float'}({self.stored(piece)})"
            case Field():
                return self.stored(piece)
            case Entry(of=of, key=key):
                return f"{self.write(of)}[{self.write(key)}]"
            case HasKey(of=of, key=key):
                return f"({self.write(key)} in {self.write(of)})"
            case IsNull(of=of, negated=negated):
                return f"({self.stored(of)} is {'not ' if negated else ''}None)"
            case Invoke(name=name, arguments=arguments):
                return self.invoke(name, [self.write(one) for one in arguments])
            case Not(of=of):
                return f"(not {self.write(of)})"
            case AllOf(operands=operands):
                return self.logic("and", "_all_of", operands)
            case AnyOf(operands=operands):
                return self.logic("or", "_any_of", operands)
            case Choice(condition=condition, then=then, otherwise=otherwise):
                return f"({self.write(then)} if {self.write(condition)} else {self.write(otherwise)})"
            case Compare(operator=operator, left=left, right=right):
                return f"({self.write(left)} {operator} {self.write(right)})"
        return self.write_other(piece)

    def write_other(self, piece: Typed) -> str:
        match piece:
            case OneOf(item=item, items=items):
                values = "".join(f"{self.write(one)}, " for one in items)
                if all(isinstance(one, Constant) for one in items):
                    return f"({self.write(item)} in ({values}))"
                return f"_within({self.write(item)}, ({values}))"
            case InList(item=item, of=of):
                exact_same = (
                    isinstance(of.type, List) and isinstance(of.type.item, Scalar) and of.type.item.name == "double"
                )
                if exact_same:
                    return f"_within({self.write(item)}, {self.write(of)})"
                return f"({self.write(item)} in {self.write(of)})"
            case Arithmetic():
                return self.arithmetic(piece)
            case Negation(of=of):
                return f"_int64(-{self.write(of)})" if piece.type == INT else f"(-{self.write(of)})"
            case TextTest(method="contains", of=of, argument=argument):
                return f"({self.write(argument)} in {self.write(of)})"
            case TextTest(method=method, of=of, argument=argument):
                return f"{self.write(of)}.{method.lower()}({self.write(argument)})"
            case Matches(of=of, pattern=pattern):
                return f"({self.patterns[pattern]}({self.write(of)}) is not None)"
            case Size(of=of):
                return f"_len({self.write(of)})"
            case Convert(of=of):
                return self.convert(piece, of)
        raise AssertionError(piece)

    def stored(self, piece: Typed) -> str:
        """A field as the record holds it, a Decimal not yet a double."""
        return f"{self.write(piece.of)}.{piece.name}" if isinstance(piece, Field) else self.write(piece)

    def invoke(self, name: str, arguments: list[str]) -> str:
        if self.exact:
            return f"_invoke({', '.join(('frame', repr(name), *arguments))})"
        return f"frame.{name}({', '.join(arguments)})"

    def logic(self, operator: str, helper: str, operands: tuple[Typed, ...]) -> str:
        if self.exact:
            return f"{helper}({', '.join(f'lambda: {self.write(one)}' for one in operands)})"
        return f"({f' {operator} '.join(self.write(one) for one in operands)})"

    def arithmetic(self, piece: Arithmetic) -> str:
        left, right, operator = self.write(piece.left), self.write(piece.right), piece.operator
        if piece.type == INT:
            if operator in "/%":
                return f"{'_divide_int' if operator == '/' else '_modulo_int'}({left}, {right})"
            return f"_int64({left} {operator} {right})"
        if operator == "/" and not (isinstance(piece.right, Constant) and piece.right.value):
            return f"_divide_double({left}, {right})"
        return f"({left} {operator} {right})"

    def convert(self, piece: Typed, of: Typed) -> str:
        name = of.type.name if isinstance(of.type, Scalar) else ""
        wanted = "double" if piece.type == DOUBLE else "int"
        if name == wanted:
            return self.write(of)
        helper = {
            ("double", INT.name): "_float",
            ("double", STRING.name): "_double_of_text",
            ("int", DOUBLE.name): "_int_of_double",
            ("int", STRING.name): "_int_of_text",
        }[wanted, name]
        return f"{helper}({self.write(of)})"
