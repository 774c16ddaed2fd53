"""A scenario file is taken as written, or refused in one sentence that names file, key and remedy."""

from pathlib import Path
from typing import Any, get_args

import pytest

from gatefw import settings
from gatefw.errors import GatefwError, SettingsError
from gatefw.simulation.mlx90614 import FAULTS
from gatefw.simulation.rehearsal import longest
from gatefw.simulation.report import Happening, Switch
from gatefw.simulation.scenario import Scenario, load
from gatefw.simulation.script import FetchedCode, SensorFault, SwitchName
from gatefw.simulation.visitors import Code, Order

HEAD = 'title = "A title"\nshows = "What it shows."\n'
VISITOR = '[[visitor]]\ncode = "green"\ngets = "admitted"\n'
EXPECT = '[expect]\nrelay = [[3.6, 4.8]]\nsigns = ["ready", "pass"]\nevents = ["started", "refused: red"]\n'


def read(folder: Path, text: str, corpora: Path | None = None) -> Scenario:
    path = folder / "some.toml"
    path.write_text(text)
    return load(path, settings.defaults(), corpora or folder)


ACCEPTED: dict[str, tuple[str, Any, Any]] = {
    "a code": ('code = "green"', lambda p: p.code, Code.GREEN),
    "no code": ("", lambda p: p.code, Code.NONE),
    "a text": ('text = "hello"', lambda p: (p.code, p.literal), (Code.LITERAL, "hello")),
    "a text over and over": ('text = "ab"\ntext_times = 3', lambda p: p.literal, "ababab"),
    "bytes": ('bytes_hex = "00 ff 7f"', lambda p: (p.code, p.raw), (Code.BINARY, b"\x00\xff\x7f")),
    "a part of a message": (
        'text = "a message that is long enough for two"\ntext_parts = 2',
        lambda p: (p.code, p.raw[:4]),
        (Code.PICTURE, b"\x89PNG"),
    ),
    "a whole number as a temperature": ("forehead_c = 36", lambda p: p.forehead_c, 36.0),
    "face first": ('first = "face"', lambda p: p.order, Order.AFTER),
    "phone first": ('first = "phone"', lambda p: p.order, Order.FIRST),
    "a phone in dark mode": (
        "phone = { dark_mode = true, size = 0.4 }",
        lambda p: (p.pose.dark_mode, p.pose.size),
        (True, 0.4),
    ),
    "a companion": ('companion = "red"', lambda p: p.second, Code.RED),
    "a fault": ('sensor_fault = "pec"', lambda p: p.sensor_fault, "pec"),
    "no fault": ('sensor_fault = "none"', lambda p: p.sensor_fault, None),
    "pushes": ("forces_entry = true", lambda p: p.forces_entry, True),
    "a name": ('kind = "my visitor"', lambda p: p.kind, "my visitor"),
    "no name": ('code = "red"', lambda p: p.kind, "red"),
    "a reason": ('because = "temperature_high"', lambda p: p.expected, "refused"),
    "an alarm as a reason": ('because = "forced_open"', lambda p: p.expected, "refused"),
}


@pytest.mark.parametrize(("line", "look", "value"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_a_visitor_may_be(tmp_path: Path, line: str, look: Any, value: Any) -> None:
    scenario = read(tmp_path, f'{HEAD}[[visitor]]\n{line}\ngets = "refused"\n{EXPECT}')
    assert look(scenario.plans[0]) == value


REFUSED: dict[str, tuple[str, str]] = {
    "not TOML": ("title = ", "is not TOML"),
    "no title": (f"{VISITOR}{EXPECT}", "write title = "),
    "no visitor": (f"{HEAD}{EXPECT}", "nobody comes: write [[visitor]]"),
    "an unknown table": (f"{HEAD}[[visitors]]\n{EXPECT}", "there is no visitors; the nearest is visitor"),
    "an unknown key": (
        f"{HEAD}{VISITOR}forhead_c = 36\n{EXPECT}",
        "[visitor 1] has no option forhead_c; the nearest is forehead_c",
    ),
    "an unknown code": (
        f"{HEAD}{VISITOR.replace('green', 'grren')}{EXPECT}",
        '[visitor 1] code is "grren", allowed is "black_and_white"',
    ),
    "a word for a number": (
        f'{HEAD}{VISITOR}forehead_c = "hot"\n{EXPECT}',
        '[visitor 1] forehead_c is "hot", allowed is 15 to 45',
    ),
    "no number": (f"{HEAD}{VISITOR}forehead_c = nan\n{EXPECT}", "[visitor 1] forehead_c is nan"),
    "an impossible temperature": (f"{HEAD}{VISITOR}forehead_c = 460\n{EXPECT}", "[visitor 1] forehead_c is 460"),
    "a number for a truth": (
        f"{HEAD}{VISITOR}uses_grant = 1\n{EXPECT}",
        "[visitor 1] uses_grant is 1, allowed is true or false",
    ),
    "no fate": (
        f'{HEAD}[[visitor]]\ncode = "red"\n{EXPECT}',
        '[visitor 1] says not what the gate must do: write gets = "admitted"',
    ),
    "an unknown fate": (
        f"{HEAD}{VISITOR.replace('admitted', 'passed')}{EXPECT}",
        '[visitor 1] gets is "passed", allowed is "admitted"',
    ),
    "an unknown reason": (
        f'{HEAD}{VISITOR}because = "feverish"\n{EXPECT}',
        "[visitor 1] because: there is no reason feverish",
    ),
    "two codes at once": (f'{HEAD}{VISITOR}text = "a"\n{EXPECT}', "[visitor 1] text and code are both given"),
    "too long a text": (
        f'{HEAD}[[visitor]]\ntext = "aaa"\ntext_times = 4000\ngets = "assist"\n{EXPECT}',
        "no QR code holds more than 7089",
    ),
    "a text that fits no code": (
        f'{HEAD}[[visitor]]\ntext = "é"\ntext_times = 4000\ngets = "assist"\n{EXPECT}',
        "[visitor 1] ",
    ),
    "a picture that is none": (
        f'{HEAD}[[visitor]]\npicture = "some.toml"\ngets = "assist"\n{EXPECT}',
        "[visitor 1] ",
    ),
    "bytes that are none": (
        f'{HEAD}[[visitor]]\nbytes_hex = "0g"\ngets = "assist"\n{EXPECT}',
        '[visitor 1] bytes_hex is "0g", allowed is hex digits',
    ),
    "somebody who comes back from the future": (
        f"{HEAD}{VISITOR}same_person_as = 1\n{EXPECT}",
        "same_person_as is 1, allowed is a visitor who came before",
    ),
    "a picture that is not there": (
        f'{HEAD}[[visitor]]\npicture = "no.png"\ngets = "assist"\n{EXPECT}',
        "picture no.png can't be read",
    ),
    "a picture from elsewhere": (
        f'{HEAD}[[visitor]]\npicture = "../../etc/passwd"\ngets = "assist"\n{EXPECT}',
        "allowed is a path within",
    ),
    "a phone at an impossible angle": (
        f"{HEAD}{VISITOR}phone = {{ yaw_deg = 80 }}\n{EXPECT}",
        "[visitor 1 phone] yaw_deg is 80",
    ),
    "a phone that is none": (f"{HEAD}{VISITOR}phone = 3\n{EXPECT}", "[visitor 1] phone must be a table"),
    "one visitor without brackets": (
        f'{HEAD}[visitor]\ngets = "assist"\n{EXPECT}',
        "write [[visitor]] on a line of its own",
    ),
    "an unknown switch": (
        f'{HEAD}{VISITOR}[[happens]]\nswitch = "fire"\n{EXPECT}',
        '[happens 1] switch is "fire", allowed is "blank_frames"',
    ),
    "before the start": (
        f'{HEAD}{VISITOR}[[happens]]\nafter_s = -1\nswitch = "key"\n{EXPECT}',
        "[happens 1] after_s is -1",
    ),
    "an unknown setting": (
        f"{HEAD}[settings.admission]\njoin = 5\n{VISITOR}{EXPECT}",
        "[admission] has no option join; the nearest is join_s",
    ),
    "a setting out of bounds": (
        f"{HEAD}[settings.fever]\nlimit_c = 45\n{VISITOR}{EXPECT}",
        "[fever] limit_c is 45, allowed is 37 to 37.3",
    ),
    "settings at odds": (
        f'{HEAD}[settings.barrier]\ncontroller = "pulse"\nstop_pin = "none"\n{VISITOR}{EXPECT}',
        "wire it",
    ),
    "no expectation": (f"{HEAD}{VISITOR}", "[expect] says nothing of relay"),
    "nothing of the signs": (f"{HEAD}{VISITOR}[expect]\nrelay = []\nevents = []\n", "[expect] says nothing of signs"),
    "intervals backwards": (
        f"{HEAD}{VISITOR}{EXPECT.replace('[3.6, 4.8]', '[4.8, 3.6]')}",
        "[expect] relay must be intervals one after the other",
    ),
    "an interval without end": (
        f"{HEAD}{VISITOR}{EXPECT.replace('[3.6, 4.8]', '[4.8]')}",
        "[expect] relay is a list, allowed is a list of [on, off]",
    ),
    "an unknown sign": (
        f"{HEAD}{VISITOR}{EXPECT.replace('pass', 'pas')}",
        "[expect] signs: there is no sign pas; the nearest is pass",
    ),
    "an unknown event": (
        f"{HEAD}{VISITOR}{EXPECT.replace('started', 'start')}",
        "[expect] events: there is no event start; the nearest is started",
    ),
    "an event for an unknown reason": (
        f"{HEAD}{VISITOR}{EXPECT.replace(': red', ': rad')}",
        "there is no rad; the nearest is red",
    ),
}


@pytest.mark.parametrize(("text", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)
    (sentence,) = [line for line in str(refused.value).splitlines() if says in line]
    assert sentence.startswith(f"{tmp_path / 'some.toml'}: ")
    assert sentence.endswith(".")


def test_all_that_is_wrong_is_told_line_by_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, f"{HEAD}{VISITOR}colour = 1\nforehead_c = 99\n{EXPECT.replace('pass', 'pas')}")
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    for line, key in zip(lines, ("colour", "forehead_c", "signs"), strict=True):
        assert key in line


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml", settings.defaults(), tmp_path)


def test_pictures_without_their_folder_are_missing_not_wrong(tmp_path: Path) -> None:
    text = f'{HEAD}[[visitor]]\npicture = "a.png"\ngets = "assist"\n{EXPECT}'
    with pytest.raises(GatefwError) as missing:
        read(tmp_path, text, corpora=tmp_path / "nowhere")
    assert missing.value.code == "corpora_missing"
    assert not isinstance(missing.value, SettingsError)


def test_visitors_are_numbered_on_through_repeats(tmp_path: Path) -> None:
    text = f'{HEAD}{VISITOR}repeat = 3\n[[visitor]]\ncode = "red"\ngets = "refused"\nbecause = "red"\n{EXPECT}'
    scenario = read(tmp_path, text)
    assert [(plan.number, plan.kind) for plan in scenario.plans] == [
        (1, "green"),
        (2, "green"),
        (3, "green"),
        (4, "red"),
    ]
    assert scenario.because == ("", "", "", "red")


def test_a_setting_is_changed_and_all_others_stay(tmp_path: Path) -> None:
    changed = read(tmp_path, f"{HEAD}[settings.admission]\njoin_s = 6\n{VISITOR}{EXPECT}").settings
    assert changed.admission.join_s == 6.0
    assert changed.admission.retry_s == settings.defaults().admission.retry_s
    assert changed.fever == settings.defaults().fever


def test_happenings_and_the_air_reach_the_play(tmp_path: Path) -> None:
    happens = '[[happens]]\nafter_s = 2\nswitch = "tamper"\non = false\n'
    play = read(tmp_path, f"{HEAD}air_c = 12\n{VISITOR}{happens}{EXPECT}").play(seed=5)
    assert play.happenings == (Happening(after_s=2.0, switch=Switch.TAMPER, on=False),)
    assert (play.ambient_c, play.seed) == (12.0, 5)


def test_the_words_of_a_scenario_are_those_of_the_yard() -> None:
    given_by_options_of_their_own = {Code.LITERAL, Code.BINARY, Code.PICTURE}
    assert set(get_args(FetchedCode)) == set(Code) - given_by_options_of_their_own
    assert set(get_args(SwitchName)) == set(Switch)
    assert set(get_args(SensorFault)) == {"none", *FAULTS}


def test_who_comes_late_or_waits_long_has_the_time_to_do_so(tmp_path: Path) -> None:
    late = "not_before_s = 300\nwaits_s = 100\npatience_s = 50\n"
    plans = read(tmp_path, f"{HEAD}{VISITOR}{late}{EXPECT}").plans
    assert longest(plans) > 300 + 100 + 50
