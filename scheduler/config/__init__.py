"""
Settings: what a user may wish for, with unit, default and effect, and the strict reading of them.

For: one YAML file and ``TUTTI_…`` environment variables (which win) to one frozen `Settings`.
May not: guess. An unknown key, a wrong type, a value out of bounds or a contradiction is a `ConfigError`: one sentence that names the
key, and where it stands.
Next: `settings` says what there is, `strict` checks values against it, `sources` reads file and environment; `scheduler.cli` calls `load`.

Decisions
- 2026-11: settings are plain frozen dataclasses, checked against their own type hints. The core's settings (`engine`, `policies`) join in
  without knowing of files or variables. Rejected: a settings framework, whose errors take a page and whose merging is hard to pin.
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
