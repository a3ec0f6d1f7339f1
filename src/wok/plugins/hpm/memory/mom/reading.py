"""Text to forms: the tokens and brackets of the language, by a grammar for lark (LALR).

Loaded only when a policy is read, because lark takes longer to load than a policy to be evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters
from lark.lexer import BasicLexer

from .faults import text_error

#: Of a text, in bytes; of its tokens; and of brackets within brackets.
MAX_SIZE = 1 << 20
MAX_TOKENS = 100_000
MAX_NESTING = 64

#: Brackets of one kind close each other. The terminals' order of precedence is that of MOM's scanner: `-` belongs to a
#: number that follows at once, and a word is a symbol wherever it stands.
_GRAMMAR = r"""
start: _value*
_value: FLOAT | HEX | INTEGER | EXPONENT | OCTAL | STRING | SYMBOL | OPERATOR | round | square | curly
round: LPAR _value* RPAR
square: LSQB _value* RSQB
curly: LBRACE _value* RBRACE

LPAR: "("
RPAR: ")"
LSQB: "["
RSQB: "]"
LBRACE: "{"
RBRACE: "}"
FLOAT.9: /-?[0-9]*\.[0-9]+([Ee][+-]?[0-9]+)?/
HEX.8: /0[Xx][0-9A-Fa-f]+/
INTEGER.7: /-?(0(?![0-9oXx])|[1-9][0-9]*)(?![0-9eE])/
EXPONENT.6: /-?(0(?![0-9oXx])|[1-9][0-9]*)[Ee][+-]?[0-9]+/
OCTAL.5: /0o[0-9]+/
STRING.4: /'([^'\\]|\\.)*'|"([^"\\]|\\.)*"/
SYMBOL.3: /[A-Za-z_][A-Za-z0-9_.-]*/
OPERATOR.2: /<<|>>|<=|>=|==|!=|[-+*\/<>]/
BLANK: /\s+/
COMMENT: /\#[^\n]*/
%ignore BLANK
%ignore COMMENT
"""

_CLOSING = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
_OPENING = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}

_ODD = {
    "=": "'=' is no operator; to compare, write '=='",
    "!": "'!' is no operator; write '!=' or (not x)",
    ";": "';' means nothing here; a comment begins with '#'",
    ",": "',' means nothing here; values are parted by blanks",
    "&": "'&' is no operator; write (and a b)",
    "|": "'|' is no operator; write (or a b)",
    ".": "'.' begins no number or symbol; a number needs digits after it, an attribute is written guest.field",
}


class Form:
    """A list in brackets: `items`, from the offset `start` up to `end`; `curly` for one in braces."""

    __slots__ = ("curly", "end", "items", "start")

    def __init__(self, items: list[Node], start: int, end: int, curly: bool) -> None:
        self.items = items
        self.start = start
        self.end = end
        self.curly = curly


Node: TypeAlias = "Token | Form"


def start_of(node: Node) -> int:
    """The offset where it begins."""
    return node.start if isinstance(node, Form) else node.start_pos or 0


def spelled(text: str, node: Node, most: int = 60) -> str:
    """What stands in the text, in one line; cut where it is long."""
    words = " ".join(text[node.start : node.end].split()) if isinstance(node, Form) else str(node)
    return words if len(words) <= most else f"{words[: most - 1]}…"


class _Trouble(Exception):
    """What is wrong, and where."""

    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.offset = token.start_pos or 0
        self.message = message


class _Lexer(BasicLexer):
    """lark's own, and a look at brackets and amounts, so that what reaches the parser is a right text."""

    __future_interface__ = 1

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        """Tokens one after another; raises `_Trouble`."""
        opened: list[Token] = []
        for count, token in enumerate(super().lex(lexer_state, parser_state)):
            kind = token.type
            if kind in _CLOSING:
                opened.append(token)
                if len(opened) > MAX_NESTING:
                    raise _Trouble(token, f"more than {MAX_NESTING} brackets within each other; make functions")
            elif kind in _OPENING:
                if not opened:
                    raise _Trouble(token, f"{str(token)!r} closes nothing; take it out, or open a bracket")
                last = opened.pop()
                if last.type != _OPENING[kind]:
                    place, right = f"line {last.line}, column {last.column}", _CLOSING[last.type]
                    raise _Trouble(token, f"{str(token)!r} cannot close the {str(last)!r} of {place}; write {right!r}")
            if count >= MAX_TOKENS:
                raise _Trouble(token, f"more than {MAX_TOKENS} words and brackets; split the policy")
            yield token
        if opened:
            last = opened[-1]
            raise _Trouble(last, f"{str(last)!r} is never closed; write {_CLOSING[last.type]!r} where it ends")


class _Forms(Transformer[Token, Any]):
    """Brackets become forms as soon as they are read."""

    def start(self, children: list[Node]) -> list[Node]:
        return children

    def round(self, children: list[Any]) -> Form:
        return Form(children[1:-1], children[0].start_pos, children[-1].end_pos, False)

    square = round

    def curly(self, children: list[Any]) -> Form:
        return Form(children[1:-1], children[0].start_pos, children[-1].end_pos, True)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer=_Lexer, transformer=_Forms(), keep_all_tokens=True)


def read(policy: str, text: str) -> list[Node]:
    """The values of a text. Raises `PolicyTextError`."""
    if len(text) > MAX_SIZE or len(text.encode("utf-8", "surrogatepass")) > MAX_SIZE:
        message = f"the text is larger than {MAX_SIZE} bytes; split it, or take out what is not used"
        raise text_error(policy, "", 0, message)
    try:
        nodes: list[Node] = _parser().parse(text)    # type: ignore[assignment]    # the transformer makes no tree
    except _Trouble as trouble:
        raise text_error(policy, text, trouble.offset, trouble.message) from None
    except UnexpectedCharacters as error:
        offset = error.pos_in_stream or 0
        raise text_error(policy, text, offset, _odd(text, offset)) from None
    return nodes


def _odd(text: str, offset: int) -> str:
    """What is wrong with a token that is none."""
    sign = text[offset]
    if sign in "'\"":
        return f"the string that begins here is never closed; write {sign} at its end"
    word = text[offset : offset + 40].split()[0].rstrip(")]}")
    if sign.isdigit() and word[:1] == "0" and word.isdigit():
        digits = word.lstrip("0") or "0"
        return f"{word!r} begins with 0; write {digits}, or 0o{digits} for an octal number"
    if sign.isdigit():
        return f"{word!r} is no number; numbers are like 12, -0.5, 1e3, 0x1f, 0o17"
    return _ODD.get(sign, f"{sign!r} means nothing here")
