"""
The command `tutti`: words typed by a person, to calls of the rooms below, to words a person can read.

For: reading flags, printing tables or JSON or YAML, turning every expected failure into one sentence and an exit code
(0 done, 1 the answer is no, 2 wrong use or input).
May not: decide anything about scheduling, or be imported by another room.
Next: `app` is the entry point and mounts one file per group of commands, each imported only when it is called.

Decisions
- 2026-11: sub-commands are imported when called, so that `tutti --version` and `--help` answer in a fraction of a second.
- 2026-11: other distributions add commands through the entry-point group ``tutti.commands``; `benchmarks` does.
"""
