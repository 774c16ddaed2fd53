"""gate.toml: what is accepted and what is refused, with one sentence that names file, key, given and allowed."""

import math
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatefw import options, settings
from gatefw.errors import SettingsError

MANUAL = Path(__file__).resolve().parent.parent / "config" / "gate.toml"


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "gate.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def _every_option():
    for name in settings.defaults().__struct_fields__:
        section = getattr(settings.defaults(), name)
        for option in options.options(type(section)).values():
            yield pytest.param(option, id=f"{name}.{option.name}")


EVERY_OPTION = list(_every_option())


# ---------------------------------------------------------------- the manual


def test_the_manual_is_made_from_the_declarations():
    assert MANUAL.read_text(encoding="utf-8") == settings.manual()


def test_the_manual_names_every_option_with_its_default():
    tables = tomllib.loads(MANUAL.read_text(encoding="utf-8"))
    usual = msgspec.to_builtins(settings.defaults())
    assert {name: set(table) for name, table in tables.items()} == {name: set(t) for name, t in usual.items()}
    assert tables == usual


def test_the_manual_loads_as_the_defaults():
    assert settings.load(MANUAL) == settings.defaults()


def test_an_empty_file_is_the_defaults(tmp_path):
    assert settings.load(written(tmp_path, "")) == settings.defaults()


# ---------------------------------------------------------------- accepted

ACCEPTED = [
    ('[gate]\nid = "east-2"', "gate", "id", "east-2"),
    ('[gate]\nvenue = "省图书馆"', "gate", "venue", "省图书馆"),
    ("[fever]\nlimit_c = 37", "fever", "limit_c", 37.0),
    ("[fever]\nlimit_c = 37.0", "fever", "limit_c", 37.0),
    ("[thermometer]\naddress = 0x5B", "thermometer", "address", 0x5B),
    ('[barrier]\ntamper_pin = "none"', "barrier", "tamper_pin", None),
    ("[barrier]\ntamper_pin = 21", "barrier", "tamper_pin", 21),
    ('[mqtt]\nhost = "broker.example"', "mqtt", "host", "broker.example"),
    ("\ufeff[reader]\r\nfps = 12\r\n", "reader", "fps", 12),
    ("[thermometer]\nbus = 4\n[indicator]\nbuzzer_pin = 2", "indicator", "buzzer_pin", 2),
]


@pytest.mark.parametrize(("text", "section", "key", "value"), ACCEPTED)
def test_a_right_value_is_taken(tmp_path, text, section, key, value):
    taken = getattr(getattr(settings.load(written(tmp_path, text)), section), key)
    assert taken == value
    assert type(taken) is type(value)


# ---------------------------------------------------------------- refused: one option

REFUSED = [
    ("[fever]\nlimit_c = 38.0", ["[fever] limit_c is 38.0", "37 to 37.3"]),
    ("[fever]\nlimit_c = nan", ["limit_c is nan", "37 to 37.3"]),
    ("[fever]\nlimit_c = -inf", ["limit_c is -inf"]),
    ('[fever]\nlimit_c = "37.2"', ['limit_c is "37.2"', "37 to 37.3"]),
    ("[fever]\nlimit_c = true", ["limit_c is true"]),
    ("[fever]\nsamples = 9.0", ["samples is 9.0", "whole"]),
    ("[fever]\nlimt_c = 37.2", ["[fever] has no option limt_c", "nearest is limit_c"]),
    ("[fevr]\nlimit_c = 37.2", ["no section [fevr]", "nearest is fever"]),
    ('[gate]\n"a\\nb\\u0007" = 1', ["has no option a\ufffdb\ufffd"]),
    (f"[gate]\n{'k' * 5000} = 1", ["has no option kkkk", "…"]),
    ("[zzzzzzz]\n", ["no section [zzzzzzz]", "there are gate,"]),
    ("gate = 1", ["gate must be a section"]),
    ('[[gate]]\nid = "a"', ["gate must be a section"]),
    ("[gate]\nid = { a = 1 }", ["id is a table"]),
    ("[gate]\nid = [1]", ["id is a list"]),
    ('[gate]\nid = "East 2"', ['id is "East 2"', "a-z, 0-9"]),
    ('[gate]\nid = "east\\n"', ["id is "]),
    (f'[gate]\nid = "{"a" * 33}"', ["1 to 32"]),
    ('[gate]\nstatic_codes = "open"', ['"admit", "assist"']),
    ("[thermometer]\naddress = 0x80", ["address is 128", "0x08 to 0x77"]),
    ('[barrier]\nrelay_pin = "none"', ['relay_pin is "none"', "2 to 27"]),
    ("[barrier]\nrelay_pin = 0", ["relay_pin is 0", "2 to 27"]),
    ("[barrier]\nrelay_active_low = true", ["no option relay_active_low", "active-high only"]),
    ("[barrier]\nactive_high = false", ["active-high only"]),
    ('[barrier]\npin_factory = "mock"', ['pin_factory is "mock"', '"lgpio"']),
    ('[store]\npath = "gate.db"', ['path is "gate.db"', "a full path"]),
    ('[mqtt]\nhost = "a b; rm -rf"', ["host is "]),
    ("[mqtt]\nport = " + "9" * 400, ["port is 9999", "1 to 65535"]),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_a_wrong_value_is_one_sentence_that_names_everything(tmp_path, text, says):
    file = written(tmp_path, text)
    problems = settings.check(file)
    assert len(problems) == 1
    assert problems[0].startswith(f"{file}: ")
    assert "\n" not in problems[0]
    assert all(part in problems[0] for part in says), problems[0]
    with pytest.raises(SettingsError, match=r"gate\.toml") as caught:
        settings.load(file)
    assert caught.value.code == "settings_invalid"


# ---------------------------------------------------------------- refused: rules between options

CONFLICTS = [
    ("[fever]\nsamples = 25", "take fewer samples"),
    ('[thermometer]\nvariant = "DCI"\nsettling_s = 0.65', "take fewer samples"),
    ('[thermometer]\nvariant = "DCI"\n[fever]\nsamples = 3', "settles in 0.65 s"),
    ("[thermometer]\nsettling_s = 0.1", "settles in 0.14 s"),
    ('[thermometer]\nvariant = "BCC"\n[fever]\nambient_max_c = 38', "only D parts"),
    ("[fever]\nc0_c = 1.2\ncorrection_limit_c = 1.0", "more than correction_limit_c"),
    ("[fever]\nremeasure_after_s = 10\ntries_window_s = 8", "not less than tries_window_s"),
    ("[reader]\nzxing = false\nzbar = false", "no code could be read"),
    ("[barrier]\nrelay_pin = 27", "which already is [barrier] relay_pin"),
    ("[indicator]\nred_pin = 17", "which already is [barrier] relay_pin"),
    ("[barrier]\nfire_pin = 2", "I2C bus 1 (SDA)"),
    ('[barrier]\ncontroller = "pulse"\nstop_pin = "none"', "pulse controller is ended by Stop"),
    ('[indicator]\nside_pin = "none"', "masked windows show that sign"),
]


@pytest.mark.parametrize(("text", "says"), CONFLICTS)
def test_options_that_contradict_one_another_are_refused(tmp_path, text, says):
    problems = settings.check(written(tmp_path, text))
    assert len(problems) == 1, problems
    assert says in problems[0]


def test_any_join_outlasts_any_measurement():
    join = options.options(settings.Admission)["join_s"]
    assert not takes(join, settings.LONGEST_MEASUREMENT_S)


def test_an_option_above_all_sections_is_sent_to_its_own(tmp_path):
    (problem,) = settings.check(written(tmp_path, 'venue = "museum"'))
    assert problem.endswith("venue stands in no section: write it below [gate].")


# ---------------------------------------------------------------- refused: the file itself

UNREADABLE = [
    (b"[gate\nid = 1", "line 1", "settings_syntax"),
    (b"[gate]\nid = 'a'\nid = 'b'\n[reader]\n", "line 3", "settings_syntax"),
    (b"[gate]\nid = 'a'\nid = 'b'\n", "id = 'b'; it is given twice", "settings_syntax"),
    ("[gate]\nid = “a”\n".encode(), 'id = “a”; a value is "text"', "settings_syntax"),
    (b"[gate]\nvenue = '\xff'", "line 2", "settings_syntax"),
    (b"a = " + b"[" * 100_000, "is not TOML", "settings_syntax"),
    (b"[mqtt]\nport = " + b"9" * 5000, "is not TOML", "settings_syntax"),
    (b"#" * (options.FILE_LIMIT_BYTES + 1), "larger than", "settings_oversize"),
]


@pytest.mark.parametrize(("raw", "says", "code"), UNREADABLE)
def test_a_file_that_is_no_toml_says_where(tmp_path, raw, says, code):
    file = written(tmp_path, raw)
    with pytest.raises(SettingsError, match=says) as caught:
        settings.load(file)
    assert caught.value.code == code
    assert settings.check(file) == [str(caught.value)]


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_says_why(tmp_path, name):
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        settings.load(tmp_path / name)
    assert caught.value.code == "settings_missing"


def test_every_problem_of_a_file_is_told_at_once(tmp_path):
    file = written(tmp_path, "[fever]\nlimit_c = 40\nsample = 3\n[gat]\n[mqtt]\nport = 0")
    assert len(settings.check(file)) == 4
    with pytest.raises(SettingsError, match=r"\(3 more: gatefw config check"):
        settings.load(file)


# ---------------------------------------------------------------- every option, whatever it is


@pytest.mark.parametrize("option", EVERY_OPTION)
def test_every_default_is_allowed(option):
    assert option.convert(options.NOT_FITTED if option.default is None else option.default) == option.default


NONSENSE = [math.nan, math.inf, -math.inf, [], {}, 10**30, "\x00", "none\n"]


def takes(option: options.Option, given: object) -> bool:
    try:
        option.convert(given)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("option", EVERY_OPTION)
def test_no_option_takes_nonsense(option):
    assert [given for given in NONSENSE if takes(option, given)] == []


@given(st.binary(max_size=200))
def test_no_bytes_at_all_bring_more_than_sentences(tmp_path_factory, raw):
    file = written(tmp_path_factory.getbasetemp(), raw)
    assert all(problem.startswith(str(file)) and problem.endswith(".") for problem in settings.check(file))


# ---------------------------------------------------------------- what is in force


def test_what_is_shown_loads_as_what_was_shown(tmp_path):
    text = '[gate]\nvenue = "a \\"b\\" \\\\ 馆"\n[fever]\nlimit_c = 37.1\n[barrier]\nfeedback_pin = "none"'
    effective = settings.load(written(tmp_path, text))
    assert settings.load(written(tmp_path, settings.show(effective))) == effective


def test_what_differs_from_the_default_says_so(tmp_path):
    shown = settings.show(settings.load(written(tmp_path, '[fever]\nlimit_c = 37.1\n[barrier]\nfire_pin = "none"')))
    marked = [line for line in shown.splitlines() if "# default" in line]
    assert marked == ["limit_c = 37.1  # default: 37.3", 'fire_pin = "none"  # default: 6']
