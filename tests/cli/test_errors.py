"""Which failures are told in one sentence, and which are faults of ours."""

import importlib

import pytest

from scheduler.cli.errors import EXPECTED, CommandError, described
from scheduler.config import ConfigError
from scheduler.kube.errors import Forbidden, Gone


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_expected_error_exists(name: str):
    module, _, attribute = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), attribute), Exception)


def test_an_error_is_told_in_its_own_words():
    assert described(ConfigError("api.page_size is 0.")) == ("api.page_size is 0.", 2)


def test_a_subclass_of_an_expected_error_is_expected():
    assert described(Forbidden("GET /api/v1/nodes: 403", 403)) == ("GET /api/v1/nodes: 403", 2)


def test_the_code_of_a_command_error_is_its_own():
    assert described(CommandError("no", 1)) == ("no", 1)


def test_an_expected_error_is_found_inside_groups():
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("x"), Gone("410")])])
    assert described(group) == ("410", 2)


@pytest.mark.parametrize("error", [ValueError("x"), ExceptionGroup("g", [ValueError("x")]), AssertionError()])
def test_anything_else_is_a_fault_of_ours(error: Exception):
    assert described(error) is None
