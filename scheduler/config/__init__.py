"""
Settings: what a user may wish for, with unit, default and effect, and the strict reading of them.

For: one YAML file and ``TUTTI_…`` environment variables (which win) to one frozen `Settings`.
May not: guess. An unknown key, a wrong type, a value out of bounds or a contradiction is a `ConfigError`: one sentence that names the
key, and where it stands.
Next: `settings` says what there is, `strict` checks values against it, `sources` reads file and environment; `scheduler.cli` calls `load`.

Decisions
- 2026-11: settings are plain frozen dataclasses, checked by pydantic against their own type hints. The core's settings (`engine`,
  `policies`) join in without knowing of files, variables or pydantic: bounds are words of `annotated_types`. Rejected: a checker of our
  own, which was three times as long and could do less.
- 2026-11: file and environment are read and merged here. Rejected: pydantic-settings. It takes YAML with aliases and duplicate keys,
  passes over variables that name no setting, wants lists as JSON, merges before it checks so that no error knows its source, and reads
  the process's environment only; what would be left of it is splitting names at ``__``. To reconsider when it strictly refuses unknown
  variables.
- 2026-11: YAML without aliases, tags, duplicate keys or a second document. Nobody needs them here, and each has hidden a mistake or a bomb.
"""

from scheduler.config.settings import (
    ApiSettings,
    Component,
    CycleSettings,
    ExtenderSettings,
    LeaderSettings,
    LogSettings,
    Mode,
    ProbeSettings,
    Settings,
)
from scheduler.config.sources import load
from scheduler.config.strict import ConfigError

__all__ = [
    "ApiSettings",
    "Component",
    "ConfigError",
    "CycleSettings",
    "ExtenderSettings",
    "LeaderSettings",
    "LogSettings",
    "Mode",
    "ProbeSettings",
    "Settings",
    "load",
]
