"""The text of an expression in; a small syntax tree out, parsed by cel-python's grammar. Only the listed subset of CEL gets through."""

from dataclasses import dataclass

from celpy.celparser import CELParseError, CELParser
from lark import Token, Tree, UnexpectedCharacters, UnexpectedToken

from streams.experience.conditions.errors import Refused
from streams.experience.conditions.literals import check_quotes, literal_value

MAX_CHARACTERS = 4096
MAX_DEPTH = 48  # the generated Python nests two parentheses a level at most; Python allows 200


@dataclass(frozen=True)
class Node:
    """A piece of the expression; `offset` is where it starts in the text."""

    offset: int


@dataclass(frozen=True)
class Literal(Node):
    value: str | int | float | bool | None


@dataclass(frozen=True)
class Name(Node):
    name: str


@dataclass(frozen=True)
class Select(Node):
    """`of.field`; the offset is the field's."""

    of: Node
    field: str


@dataclass(frozen=True)
class Index(Node):
    of: Node
    key: Node


@dataclass(frozen=True)
class Call(Node):
    """`name(arguments)`, or with a receiver `of.name(arguments)`."""

    of: Node | None
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Unary(Node):
    """`!` or `-`."""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """Comparison, `in` or arithmetic."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Chain(Node):
    """`&&` or `||` over two or more parts."""

    operator: str
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Ternary(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True)
class Items(Node):
    """A list literal."""

    items: tuple[Node, ...]


_OPERATORS = {
    **{"relation_lt": "<", "relation_le": "<=", "relation_gt": ">", "relation_ge": ">="},
    **{"relation_eq": "==", "relation_ne": "!=", "relation_in": "in"},
    **{"addition_add": "+", "addition_sub": "-"},
    **{"multiplication_mul": "*", "multiplication_div": "/", "multiplication_mod": "%"},
    **{"unary_not": "!", "unary_neg": "-", "conditionaland": "&&", "conditionalor": "||"},
}
# Rules that stand for nothing of their own when they have one child.
_PASSED = frozenset(
    [
        "expr",
        "conditionalor",
        "conditionaland",
        "relation",
        "addition",
        "multiplication",
        "unary",
        "member",
        "primary",
        "paren_expr",
    ]
)
_UNSUPPORTED = {
    "map_lit": ("a map literal", "compare with single values, or use a list: x in [...]"),
    "member_object": ("a message literal", "compare its fields one by one"),
    "dot_ident": ("a name that begins with a dot", "write the name without the dot"),
    "dot_ident_arg": ("a name that begins with a dot", "write the name without the dot"),
}
_HINTS = {
    **{"=": "compare with ==", "&": "write &&", "|": "write ||", "and": "write &&", "or": "write ||"},
    **{"not": "write !", "is": "write ==", "<": "write != for unequal"},
}


def parse(text: str) -> Node:
    """The expression's tree. Raises Refused for what is no CEL, not in the subset, too long or too deep."""
    if len(text) > MAX_CHARACTERS:
        what = f"the expression has {len(text)} characters, {MAX_CHARACTERS} are allowed"
        raise Refused(0, what, "split the rule")
    if not text.strip():
        raise Refused(0, "the expression is empty", "write a condition, or `true`")
    check_quotes(text)
    try:
        tree = CELParser().parse(text)
    except CELParseError as error:
        raise _syntax_error(text, error) from None
    return _Reader().node(tree, 0, 0)


def _syntax_error(text: str, error: CELParseError) -> Refused:
    cause = error.__context__
    if isinstance(cause, UnexpectedToken) and cause.token.type != "$END":
        offset, found = cause.pos_in_stream or 0, str(cause.token)
    elif isinstance(cause, UnexpectedCharacters):
        offset, found = cause.pos_in_stream or 0, cause.char
    else:
        return Refused(len(text), "the expression ends too early", "complete it, and close every bracket")
    return Refused(offset, f"unexpected {found!r}", _HINTS.get(found, "check operators and brackets just before"))


class _Reader:
    """Turns lark's tree, which has a level for every rule of the grammar, into ours."""

    def node(self, tree: Tree[Token] | Token, depth: int, offset: int) -> Node:
        """`offset`: where the whole stands, for pieces that lark gives no place (true and false)."""
        assert isinstance(tree, Tree)  # tokens stand only where the patterns below take them out
        while tree.data in _PASSED and len(tree.children) == 1 and isinstance(child := tree.children[0], Tree):
            tree = child
        place: int | None = None if tree.meta.empty else tree.meta.start_pos  # of true and false there is only None
        offset = offset if place is None else place
        if depth > MAX_DEPTH:
            raise Refused(offset, f"the expression is nested deeper than {MAX_DEPTH} levels", "split the rule")
        if tree.data in _UNSUPPORTED:
            what, fix = _UNSUPPORTED[tree.data]
            raise Refused(offset, f"{what} is not supported", fix)
        match tree.data, tree.children:
            case "literal", [Token() as token]:
                return self.literal(token, offset)
            case "ident", [Token() as name]:
                return Name(offset, str(name))
            case "expr", [Tree() as condition, Tree() as then, Tree() as otherwise]:
                return Ternary(offset, *(self.node(part, depth + 1, offset) for part in (condition, then, otherwise)))
            case "conditionalor" | "conditionaland", _:
                return self.chain(tree, depth, offset)
            case "unary", [Tree() as operator, Tree() as operand]:
                return Unary(offset, _OPERATORS[operator.data], self.node(operand, depth + 1, offset))
            case "relation" | "addition" | "multiplication", [Tree() as left, Tree() as right]:
                operands = self.node(left.children[0], depth + 1, offset), self.node(right, depth + 1, offset)
                return Binary(offset, _OPERATORS[left.data], *operands)
            case "list_lit", items:
                return Items(offset, self.arguments(items, depth, offset))
            case "ident_arg", [Token() as name, *rest]:
                return Call(offset, None, str(name), self.arguments(rest, depth, offset))
            case "member_dot", [Tree() as of, Token() as name]:
                return Select(name.start_pos or offset, self.node(of, depth + 1, offset), str(name))
            case "member_index", [Tree() as of, Tree() as key]:
                return Index(offset, self.node(of, depth + 1, offset), self.node(key, depth + 1, offset))
            case "member_dot_arg", [Tree() as of, Token() as name, *rest]:
                arguments = self.arguments(rest, depth, offset)
                return Call(name.start_pos or offset, self.node(of, depth + 1, offset), str(name), arguments)
        raise Refused(offset, f"{tree.data} is not supported", "see docs/conditions.md for what is")

    def chain(self, tree: Tree[Token], depth: int, offset: int) -> Chain:
        """Parts of `a && b && c`, however long, on one level."""
        kind, parts = tree.data, []
        while tree.data == kind and len(tree.children) == 2 and isinstance(left := tree.children[0], Tree):
            parts.append(self.node(tree.children[1], depth + 1, offset))
            tree = left
        parts.append(self.node(tree, depth + 1, offset))
        return Chain(offset, _OPERATORS[kind], tuple(reversed(parts)))

    def arguments(self, children: list[Tree[Token] | Token], depth: int, offset: int) -> tuple[Node, ...]:
        listed = children[0].children if children and isinstance(children[0], Tree) else []
        return tuple(self.node(one, depth + 1, offset) for one in listed)

    def literal(self, token: Token, offset: int) -> Literal:
        try:
            return Literal(offset, literal_value(token.type, str(token)))
        except ValueError as error:
            what, _, fix = str(error).partition("; ")
            raise Refused(offset, what, fix) from None
