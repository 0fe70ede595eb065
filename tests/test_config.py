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
    "engine": {"holds_unevaluated": True, "max_domains_tried": 64},
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
        "TUTTI_ENGINE__HOLDS_UNEVALUATED": "false",
        "HOME": "/",
    }
    found = load(file, environ)
    assert (found.api.page_size, found.api.bind_concurrency) == (300, 8)
    assert found.scheduler_names == ("tutti", "kai-scheduler")
    assert found.log == LogSettings(level="debug")
    assert found.engine.holds_unevaluated is False


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
    assert (
        load(None, {"TUTTI_CONFIG": "x.yaml", "TUTTI_LOCAL_CLUSTER": "token", "TUTTIFRUTTI": "1"})
        == Settings()
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("api: {pagesize: 3}", "api.pagesize (FILE) is not a setting; did you mean api.page_size?"),
        ("leadr: {duration_s: 3}", "leadr (FILE) is not a setting; did you mean leader?"),
        ("scheduler_name: tutti", "scheduler_name (FILE) is not a setting; did you mean scheduler_names?"),
        ("api: 5", "api (FILE) is 5, but is a group of settings."),
        ("namespace: {name: x}", "namespace (FILE) is a group of settings, but is one value."),
        ("api: {page_size: 3}", "api.page_size (FILE) is 3; 10 to 10000 are allowed."),
        ("api: {page_size: '300'}", "api.page_size (FILE) is '300'; it must be a whole number."),
        ("api: {page_size: 30.5}", "api.page_size (FILE) is 30.5; it must be a whole number."),
        ("api: {page_size: true}", "api.page_size (FILE) is True; it must be a whole number."),
        ("api: {page_size: }", "api.page_size (FILE) is None; it must be a whole number."),
        ("api: {request_timeout_s: .nan}", "api.request_timeout_s (FILE) is nan; it must be a number."),
        ("api: {request_timeout_s: .inf}", "api.request_timeout_s (FILE) is inf; it must be a number."),
        ("log: {level: loud}", "log.level (FILE) is 'loud'; it must be one of debug, info, warning, error."),
        (
            "log: {level: [info]}",
            "log.level (FILE) is ['info']; it must be one of debug, info, warning, error.",
        ),
        ("engine: {holds_unevaluated: 1}", "engine.holds_unevaluated (FILE) is 1; it must be true or false."),
        ("namespace: 12", "namespace (FILE) is 12; it must be a text (quote it)."),
        ("namespace: ''", "namespace (FILE) is ''; 1 to 63 characters are allowed."),
        ("scheduler_names: tutti", "scheduler_names (FILE) is 'tutti'; it must be a list."),
        ("scheduler_names: []", "scheduler_names (FILE) is []; 1 to 16 entries are allowed."),
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
    assert "it must be a name of the form" in refusal(file, text)


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
        ("api: {page_size: " + "9" * 5_000 + "}", "not YAML that can be read"),
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
            "api.page_size (environment variable TUTTI_API__PAGE_SIZE) is 'many'; it must be a whole number.",
        ),
        (
            {"TUTTI_API__PAGESIZE": "20"},
            "api.pagesize (environment variable TUTTI_API__PAGESIZE) is not a setting; did you mean api.page_size?",
        ),
        ({"TUTTI_API": "20"}, "api (environment variable TUTTI_API) is '20', but is a group of settings."),
        (
            {"TUTTI_API": "1", "TUTTI_API__PAGE_SIZE": "20"},
            "environment variable TUTTI_API__PAGE_SIZE and variable TUTTI_API contradict each other.",
        ),
        (
            {"TUTTI_ENGINE__HOLDS_UNEVALUATED": "1"},
            "engine.holds_unevaluated (environment variable TUTTI_ENGINE__HOLDS_UNEVALUATED) is '1'; it must be true or false.",
        ),
        (
            {"TUTTI_NAMESPACE__X": "a"},
            "namespace (environment variable TUTTI_NAMESPACE__X) is a group of settings, but is one value.",
        ),
    ],
)
def test_wrong_variable_is_one_sentence_that_names_it(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, environ)
    assert str(caught.value) == sentence


def test_mistake_in_the_file_is_not_hidden_by_a_variable(file: Path) -> None:
    assert "api (FILE) is 5" in refusal(file, "api: 5", {"TUTTI_API__PAGE_SIZE": "20"})


def test_every_edge_setting_is_documented_in_place() -> None:
    source = (Path(__file__).parents[1] / "scheduler/config/settings.py").read_text(encoding="utf-8")
    for group in fields(Settings):
        default = getattr(Settings(), group.name)
        if not is_dataclass(default) or group.name in {"engine", "policies"}:
            continue
        for field in fields(default):
            after = source.split(f"    {field.name}: ", 1)[1].split("\n", 1)[1]
            assert after.lstrip().startswith('"""'), f"{group.name}.{field.name}"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.sampled_from("ab:{}[],'\"\n -?|>&*!%@#1.e\t\\~<"), max_size=60))
def test_any_text_is_a_tree_or_refused(text: str) -> None:
    try:
        tree = parse(text, "FILE")
    except ConfigError as problem:
        assert str(problem).startswith("FILE")
    else:
        assert isinstance(tree, dict)
