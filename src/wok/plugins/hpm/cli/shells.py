"""Completion in bash, zsh and fish: the scripts, and what they exchange with the program.

click's own scripts break at names with blanks. Here the program gets the line as the user typed it, and answers
with lines of three fields, separated by tabs: ``name``, ``file`` or ``dir``; the word; what is said of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

#: The environment variable by which the scripts ask, under both names of the program.
VARIABLE = "_HPM_COMPLETE"

BASH = r"""# Completion of hpm for bash (4.4 or later).
_hpm_completion() {
    local kind word help
    COMPREPLY=()
    while IFS=$'\t' read -r kind word help; do
        case $kind in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            name) COMPREPLY+=("$word") ;;
        esac
    done < <(_HPM_COMPLETE=bash_complete _HPM_LINE="${COMP_LINE:0:COMP_POINT}" _HPM_BREAKS="$COMP_WORDBREAKS" \
        "$1" 2>/dev/null </dev/null)
}
complete -o nosort -F _hpm_completion hpm zhpm
"""

ZSH = r"""#compdef hpm zhpm
# Completion of hpm for zsh.
_hpm() {
    local line
    local -a fields found shown
    local typed="${(Q)PREFIX}"
    [[ $PREFIX == --*=* ]] && compset -P '*='
    for line in "${(@f)$(_HPM_COMPLETE=zsh_complete _HPM_WORDS="${(F)${(@Q)words[1,CURRENT-1]}}" _HPM_WORD="$typed" \
        "${(Q)words[1]}" 2>/dev/null </dev/null)}"; do
        fields=("${(@s:	:)line}")
        case $fields[1] in
            file) _files ;;
            dir) _files -/ ;;
            name) found+=("$fields[2]"); shown+=("$fields[2]  $fields[3]") ;;
        esac
    done
    # not _describe: it takes backslashes out of names
    (( $#found )) && compadd -l -V hpm -d shown -a found
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _hpm "$@"
else
    compdef _hpm hpm zhpm
fi
"""

FISH = r"""# Completion of hpm for fish.
function _hpm_completion
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in (env _HPM_COMPLETE=fish_complete _HPM_WORDS=(string join \n -- $words | string collect) \
            _HPM_WORD="$word" $words[1] 2>/dev/null </dev/null)
        set -l fields (string split -m 2 \t -- $line)
        switch $fields[1]
            case file
                __fish_complete_path $word
            case dir
                __fish_complete_directories $word
            case name
                printf '%s\t%s\n' $fields[2] $fields[3]
        end
    end
end
complete -c hpm -f -a '(_hpm_completion)'
complete -c zhpm -f -a '(_hpm_completion)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

#: What bash takes as it is in a word without quotes; letters of any script too.
_PLAIN = re.compile(r"[\w@%+:,./=-]")


@dataclass(frozen=True)
class Line:
    """A line of bash up to the cursor: complete words, the last word so far (both without quotes), the quote that
    is open, and how much of the last word stands before that which bash replaces."""

    words: list[str]
    word: str
    quote: str
    kept: int


def parse_line(text: str, breaks: str = "") -> Line:
    """Take a line apart as bash does; `breaks` are the characters at which it begins a word of its own."""
    words: list[str] = []
    word: list[str] | None = None
    quote, kept, escaped = "", 0, False
    for character in text:
        if escaped:
            escaped = False
            if quote == '"' and character not in '"\\$`':
                word = [*(word or []), "\\"]
            word = [*(word or []), character]
        elif character == "\\" and quote != "'":
            escaped = True
            word = word or []
        elif quote:
            if character == quote:
                quote, kept = "", len(word or [])
            else:
                word = [*(word or []), character]
        elif character in "\"'":
            word = word or []
            quote, kept = character, len(word)
        elif character.isspace():
            if word is not None:
                words.append("".join(word))
            word, kept = None, 0
        else:
            word = [*(word or []), character]
            if character in breaks:
                kept = len(word)
    return Line(words, "".join(word or []), quote, kept)


def quoted(text: str, quote: str) -> str:
    """`text` as it must stand in a line of bash, after a quote that is open or without one."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote == '"':
        return re.sub(r'(["\\$`])', r"\\\1", text)
    return "".join(c if _PLAIN.fullmatch(c) else "\\" + c for c in text)


class _Complete(ShellComplete):
    """What the three have in common: words in, lines of fields out, and silence where anything goes wrong."""

    source_template = ""

    def complete(self) -> str:
        """The lines for the script."""
        try:
            return "\n".join(self.answer())
        except Exception:    # a user in the middle of a line is not told of it
            return ""

    def answer(self) -> list[str]:
        """The lines."""
        raise NotImplementedError

    def lines(self, words: list[str], word: str, write: Callable[[str, str], str]) -> list[str]:
        """Complete `word` after `words`; `write` says how a name stands in the line, from what precedes it in the
        same word (``--option=``) and the name."""
        before = word[: word.index("=") + 1] if word.startswith("--") and "=" in word else ""
        return [
            "\t".join((
                "name" if item.type == "plain" else item.type, write(before, item.value), _one_line(item)
            )) for item in self.get_completions(words[1:], word)
        ]  # fmt: skip


class Bash(_Complete):
    """Knows how bash splits and quotes words."""

    name = "bash"

    def answer(self) -> list[str]:
        line = parse_line(os.environ.get("_HPM_LINE", ""), os.environ.get("_HPM_BREAKS", ""))
        return self.lines(
            line.words, line.word, lambda before, name: quoted((before + name)[line.kept :], line.quote)
        )


class Zsh(_Complete):
    """zsh quotes by itself, and sets ``--option=`` aside."""

    name = "zsh"

    def answer(self) -> list[str]:
        return self.lines(_words(), os.environ.get("_HPM_WORD", ""), lambda before, name: name)


class Fish(_Complete):
    """fish quotes and matches by itself, also in the middle of names: all names are given."""

    name = "fish"

    def answer(self) -> list[str]:
        word = os.environ.get("_HPM_WORD", "")
        option, sign, _ = word.partition("=")
        typed = option + sign if option.startswith("-") else ""
        return self.lines(_words(), typed, lambda before, name: before + name)


def register() -> None:
    """Make these click's classes for their shells."""
    for kind in (Bash, Zsh, Fish):
        add_completion_class(kind)


def _words() -> list[str]:
    return os.environ.get("_HPM_WORDS", "").split("\n")


def _one_line(item: CompletionItem[str]) -> str:
    return " ".join((item.help or "").split())
