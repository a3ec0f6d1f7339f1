"""What click itself says, in the user's language.

click looks its texts up by gettext, in a domain that programs of one language share. Its modules are given our own
look-up. A text that another version of click words otherwise stays English.
"""

from __future__ import annotations

import sys

from ..texts import later, plural, t

_MODULES = ("core", "exceptions", "formatting", "parser", "termui", "types")

#: What users can come across, of click 8.1 to 8.5.
TEXTS = (
    later("Usage:"),
    later("Aborted!"),
    later("Error: {message}"),
    later("Error: invalid input"),
    later("Try '{command} {option}' for help."),
    later("Invalid value: {message}"),
    later("Invalid value for {param_hint}: {message}"),
    later("Missing argument"),
    later("Missing option"),
    later("Missing parameter"),
    later("Missing command."),
    later("No such option: {name}"),
    later("No such option {name!r}."),
    later("Option {name!r} does not take a value."),
    later("Choose from:\n\t{choices}"),
    later("{value!r} is not a valid {number_type}."),
    later("{value} is not in the range {range}."),
    later("{name} {filename!r} does not exist."),
    later("{name} {filename!r} is a file."),
    later("{name} {filename!r} is a directory."),
    later("{name} {filename!r} is not readable."),
    later("{name} {filename!r} is not writable."),
    later("file"),
    later("directory"),
    later("path"),
    later("default: {default}"),
    later("required"),
    later("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    later("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    later("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
)


def translate_click() -> None:
    """Have click look up its texts in our catalogue from now on."""
    for name in _MODULES:
        module = vars(sys.modules[f"click.{name}"])
        module.update({word: look for word, look in (("_", t), ("ngettext", plural)) if word in module})
