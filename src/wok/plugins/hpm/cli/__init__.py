"""hpm's command line: `hpm NOUN-VERB`, over the REST client alone.

`main` is the entry, `registry` the list of commands, `command` what they have in common; `groups`,
`policies`, `classes`, `servers`, `management` and `local` are the commands by noun. `edits` changes
policies as JSON, `resolve` finds things by name, `output` and `words` put answers into tables.

All that people read is looked up in their language where it is said (`texts`), help where it is shown (`help_text`).

`hpm --help` must be quick: a command's module is imported when that command is asked for, and httpx
and rich only where something is sent or shown.
"""
