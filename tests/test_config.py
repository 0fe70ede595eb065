"""Settings: defaults are pinned, and everything wrong is one sentence that names the key and the place."""

from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.config import ConfigError, LogSettings, Settings, load
from scheduler.config.sources import parse

DEFAULTS = {
    "scheduler_names": ("tutti",),
    "namespace": "tutti-system",
    "api": {
        "bind_concurrency": 64,
        "request_timeout_s": 10.0,
        "watch_silence_s": 70.0,
        "page_size": 500,
        "max_response_bytes": 64 * 1024 * 1024,
    },
    "leader": {
        "lease_name": "tutti-scheduler",
        "operator_lease_name": "tutti-operator",
        "duration_s": 15.0,
        "renew_deadline_s": 10.0,
        "retry_s": 2.0,
    },
    "extender": {
        "host": "127.0.0.1",
        "port": 8443,
        "barrier_timeout_s": 30.0,
        "http_timeout_s": 40.0,
        "filter_timeout_s": 5.0,
        "filter_patience_s": 1.0,
        "refused_ttl_s": 30.0,
        "max_body_bytes": 4 * 1024 * 1024,
    },
    "probes": {"host": "127.0.0.1", "port": 8080},
    "log": {"format": "auto", "level": "info"},
    "cycle": {
        "min_interval_s": 0.02,
        "publish_delay_s": 1.0,
        "backoff_initial_s": 1.0,
        "backoff_max_s": 60.0,
    },
    "engine": {"max_domains_tried": 64},
    "policies": {},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tutti.yaml"


def refusal(file: Path, text: str | bytes, environ: dict[str, str] | None = None) -> str:
    """The sentence with which this file is refused; the place stands as FILE."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(file, environ or {})
    sentence = str(caught.value).replace(str(file), "FILE")
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


def test_defaults_are_pinned() -> None:
    assert asdict(load(None, {})) == DEFAULTS


def test_empty_file_changes_nothing(file: Path) -> None:
    file.write_text("# nothing yet\napi:\n")
    assert load(file, {}) == Settings()


def test_file_overrides_defaults_and_environment_overrides_the_file(file: Path) -> None:
    file.write_text("api: {page_size: 200, bind_concurrency: 8}\nscheduler_names: [tutti, kai-scheduler]\n")
    environ = {
        "TUTTI_API__PAGE_SIZE": "300",
        "TUTTI_LOG__LEVEL": "debug",
        "TUTTI_ENGINE__MAX_DOMAINS_TRIED": "9",
        "HOME": "/",
    }
    found = load(file, environ)
    assert (found.api.page_size, found.api.bind_concurrency) == (300, 8)
    assert found.scheduler_names == ("tutti", "kai-scheduler")
    assert found.log == LogSettings(level="debug")
    assert found.engine.max_domains_tried == 9


def test_every_setting_can_be_said_by_variable() -> None:
    said = {
        f"TUTTI_{group}__{name}".upper(): str(value).lower()
        for group, values in DEFAULTS.items()
        if isinstance(values, dict)
        for name, value in values.items()
    }
    said |= {"TUTTI_NAMESPACE": "tutti-system", "TUTTI_SCHEDULER_NAMES": "tutti"}
    assert load(None, said) == Settings()
    assert load(None, {"TUTTI_SCHEDULER_NAMES": "a, b"}).scheduler_names == ("a", "b")


def test_variables_of_others_are_left_alone() -> None:
    others = {"TUTTI_CONFIG": "x.yaml", "TUTTI_LOCAL_CLUSTER": "token", "TUTTI_PARITY_CASES": "9"}
    assert load(None, {**others, "TUTTIFRUTTI": "1"}) == Settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("api: {pagesize: 3}", "api.pagesize (FILE) is not a setting; did you mean api.page_size?"),
        ("leadr: {duration_s: 3}", "leadr (FILE) is not a setting; did you mean leader?"),
        ("scheduler_name: tutti", "scheduler_name (FILE) is not a setting; did you mean scheduler_names?"),
        ("api: 5", "api (FILE) is 5; it must be a group of settings."),
        ("namespace: {name: x}", "namespace (FILE) is {'name': 'x'}; it must be a text (quote it)."),
        ("api: {page_size: 3}", "api.page_size (FILE) is 3; it must be greater than or equal to 10."),
        ("api: {page_size: '300'}", "api.page_size (FILE) is '300'; it must be a valid integer."),
        ("api: {page_size: 30.5}", "api.page_size (FILE) is 30.5; it must be a valid integer."),
        ("api: {page_size: true}", "api.page_size (FILE) is True; it must be a valid integer."),
        ("api: {page_size: }", "api.page_size (FILE) is None; it must be a valid integer."),
        (
            "api: {request_timeout_s: .nan}",
            "api.request_timeout_s (FILE) is nan; it must be a finite number.",
        ),
        (
            "api: {request_timeout_s: .inf}",
            "api.request_timeout_s (FILE) is inf; it must be a finite number.",
        ),
        (
            "log: {level: loud}",
            "log.level (FILE) is 'loud'; it must be 'debug', 'info', 'warning' or 'error'.",
        ),
        (
            "log: {level: [info]}",
            "log.level (FILE) is ['info']; it must be 'debug', 'info', 'warning' or 'error'.",
        ),
        (
            "engine: {holds_unevaluated: false}",
            "engine.holds_unevaluated (FILE) is not a setting; did you mean engine.max_domains_tried?",
        ),
        (
            "engine: {max_domains_tried: 0}",
            "engine.max_domains_tried (FILE) is 0; it must be greater than or equal to 1.",
        ),
        (
            "engine: {max_domains_tried: -1}",
            "engine.max_domains_tried (FILE) is -1; it must be greater than or equal to 1.",
        ),
        ("policies: {order: FIFO}", "policies.order (FILE) is not a setting; no key is known here."),
        ("api: {page_size: {a: 1}}", "api.page_size (FILE) is {'a': 1}; it must be a valid integer."),
        ("namespace: 12", "namespace (FILE) is 12; it must be a text (quote it)."),
        ("namespace: ''", "namespace (FILE) is ''; string should have at least 1 character."),
        ("scheduler_names: tutti", "scheduler_names (FILE) is 'tutti'; it must be a list."),
        (
            "scheduler_names: []",
            "scheduler_names (FILE) is []; tuple should have at least 1 item after validation, not 0.",
        ),
        ("scheduler_names: [a, 5]", "scheduler_names[1] (FILE) is 5; it must be a text (quote it)."),
        ("scheduler_names: [a, a]", "scheduler_names has a name twice."),
        (
            "leader: {duration_s: 8}",
            "leader.renew_deadline_s is 10, but must be below leader.duration_s, which is 8.",
        ),
        (
            "extender: {barrier_timeout_s: 40}",
            "extender.barrier_timeout_s is 40, but must be below extender.http_timeout_s, which is 40.",
        ),
        (
            "cycle: {backoff_initial_s: 90}",
            "cycle.backoff_initial_s is 90, above cycle.backoff_max_s, which is 60.",
        ),
        ("- a", "FILE must hold settings as `key: value`, not list."),
        ("just words", "FILE must hold settings as `key: value`, not str."),
        ("1: 2", "FILE has 1 as a key under the top; keys are words."),
    ],
)
def test_wrong_setting_is_one_sentence_that_names_it(file: Path, text: str, sentence: str) -> None:
    assert refusal(file, text) == sentence


@pytest.mark.parametrize(
    "text", ["namespace: Tutti System", "namespace: -x", "leader: {lease_name: a/b}", "probes: {host: 'a b'}"]
)
def test_names_have_a_form(file: Path, text: str) -> None:
    assert "string should match pattern" in refusal(file, text)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "line 2 is not YAML that can be read: aliases are not allowed"),
        ("api: {page_size: 20, page_size: 30}", "'page_size' stands twice"),
        ("<<: {api: {page_size: 20}}", "'<<' stands twice or merges"),
        ("[" * 60_000, "nested more than 8 deep"),
        ("{a: " * 10_000, "nested more than 8 deep"),
        ("api: {}\n---\nlog: {}", "another document"),
        ("api: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("api: !secret x", "could not determine a constructor"),
        ("? [a]\n: b", "unhashable key"),
        ("api: {page_size: " + "9" * 5_000 + "}", "more than 1000 characters"),
        ("api: {page_size: 0x" + "f" * 5_000 + "}", "more than 1000 characters"),
        ("api: {page_size: 2024-99-99}", "month must be in 1..12"),
        ("log: {format: json", "line 1 is not YAML that can be read"),
        ("a: \x00", "special characters are not allowed"),
        ("namespace: \t- x\n\t-", "not YAML that can be read"),
        (b"\xff\xfe\x00", "is not UTF-8 text (byte 0)"),
        ("# " + "x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_hostile_file_is_refused_in_one_sentence(file: Path, text: str | bytes, words: str) -> None:
    assert words in refusal(file, text)


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nothing.yaml"
    for path, words in ((missing, "No such file"), (tmp_path, "directory")):
        with pytest.raises(ConfigError, match=words) as caught:
            load(path, {})
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"TUTTI_API__PAGE_SIZE": "many"},
            "api.page_size (environment variable TUTTI_API__PAGE_SIZE) is 'many'; it must be a valid integer.",
        ),
        (
            {"TUTTI_API__PAGESIZE": "20"},
            "api.pagesize (environment variable TUTTI_API__PAGESIZE) is not a setting; did you mean api.page_size?",
        ),
        (
            {"TUTTI_API": "20"},
            "api (environment variable TUTTI_API) is '20'; it must be a group of settings.",
        ),
        (
            {"TUTTI_API": "1", "TUTTI_API__PAGE_SIZE": "20"},
            "environment variable TUTTI_API__PAGE_SIZE contradicts what is said of api elsewhere.",
        ),
        (
            {"TUTTI_ENGINE__HOLDS_UNEVALUATED": "true"},
            "engine.holds_unevaluated (environment variable TUTTI_ENGINE__HOLDS_UNEVALUATED) is not a setting; "
            "did you mean engine.max_domains_tried?",
        ),
        (
            {"TUTTI_NAMESPACE__X": "a"},
            "namespace (environment variable TUTTI_NAMESPACE__X) is {'x': 'a'}; it must be a text (quote it).",
        ),
        (
            {"TUTTI_API__PAGE_SIZE": "20", "TUTTI_API__PAGE_SIZE__X": "1"},
            "environment variable TUTTI_API__PAGE_SIZE__X contradicts what is said of page_size elsewhere.",
        ),
        (
            {"TUTTI_API__PAGE_SIZE": "9" * 5_000},
            "api.page_size (environment variable TUTTI_API__PAGE_SIZE) is inf; it must be a valid integer.",
        ),
        (
            {"TUTTI_NAMESPACE": "\udcff"},  # what a byte that is not UTF-8 becomes
            "namespace (environment variable TUTTI_NAMESPACE) is '?'; "
            "string should match pattern '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'.",
        ),
    ],
)
def test_wrong_variable_is_one_sentence_that_names_it(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, environ)
    assert str(caught.value) == sentence


def test_text_of_a_variable_needs_no_quotes() -> None:
    assert load(None, {"TUTTI_NAMESPACE": "123"}).namespace == "123"


def test_mistake_in_the_file_is_not_hidden_by_a_variable(file: Path) -> None:
    assert "api (FILE) is 5" in refusal(file, "api: 5", {"TUTTI_API__PAGE_SIZE": "20"})


@pytest.mark.parametrize("room", ["config", "engine"])
def test_every_setting_is_documented_in_place_and_every_number_has_bounds(room: str) -> None:
    source = (Path(__file__).parents[1] / f"scheduler/{room}/settings.py").read_text(encoding="utf-8")
    groups = {each.name: getattr(Settings(), each.name) for each in fields(Settings)}
    for name, group in groups.items():
        if not is_dataclass(group) or (name == "engine") is not (room == "engine"):
            continue
        for field in fields(group):
            declared, _, after = source.partition(f"    {field.name}: ")[2].partition("\n")
            assert after.lstrip().startswith('"""'), f"{name}.{field.name}"
            assert "Interval" in declared or field.type not in {int, float}, f"{name}.{field.name}"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.sampled_from("ab:{}[],'\"\n -?|>&*!%@#1.e\t\\~<"), max_size=60))
def test_any_text_is_a_tree_or_refused(text: str) -> None:
    try:
        tree = parse(text, "FILE")
    except ConfigError as problem:
        assert str(problem).startswith("FILE")
    else:
        assert isinstance(tree, dict)
