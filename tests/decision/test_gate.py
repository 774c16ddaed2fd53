"""The gate's timelines: each test is named for the rule that it holds. Times are given, nothing waits."""

from dataclasses import replace

import pytest

from gatefw.decision import gate
from gatefw.decision.fever import FeverRules
from gatefw.decision.passback import code_key
from gatefw.decision.presence import PresenceRules
from gatefw.decision.state import GateState, Phase, Rules
from gatefw.model import (
    AccessEvent,
    Acknowledged,
    Action,
    CodeScanned,
    CodesConflicted,
    Colour,
    Credential,
    Decoder,
    Device,
    DeviceFailed,
    DeviceReady,
    EventKind,
    FeedbackSensed,
    FireSensed,
    Format,
    FreeEgress,
    Input,
    Instant,
    PassageSensed,
    PersonKey,
    Reading,
    Reason,
    Record,
    Recorded,
    Refusal,
    Release,
    Report,
    Show,
    Signal,
    TamperSensed,
    TemperatureBand,
    TemperatureRead,
    Ticked,
    Withdraw,
)

RULES = Rules(
    fever=FeverRules(samples=2, settling_s=0.14, frozen_samples=2, max_tries=1),
    presence=PresenceRules(gap_s=1.0),
    feedback_fitted=False,
    debounce_s=0.0,
)
NORMAL_C, HIGH_C, COLD_C = 35.5, 38.5, 31.0
STEP_S = 0.1


def code_of(name: str, *, seconds: float = 60.0, colour: Colour = Colour.GREEN) -> CodeScanned:
    """A fresh code of the person `name`, `seconds` long."""
    credential = Credential(
        format=Format.JIXIANG,
        issuer="issuer",
        key_id=b"",
        subject=b"",
        code_id=name.encode(),
        colour=colour,
        expires_utc=1000.0 + seconds,
        copyable=False,
        single_use=True,
    )
    person = PersonKey(name[0].encode() * 16)
    return CodeScanned(outcome=credential, person=person, code=code_key(credential), decoder=Decoder.ZXING)


def refused(reason: Reason) -> CodeScanned:
    refusal = Refusal(format=Format.JIXIANG, reason=reason, detail="")
    return CodeScanned(outcome=refusal, person=None, code=None, decoder=Decoder.ZXING)


class Lane:
    """A gate, a clock that is told, and everything that was ordered."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.now_s = 0.0
        self.trusted = True
        self.words = 0
        self.actions: list[Action] = []
        self.state, _ = gate.start(self.now(), frozenset({Device.STORE}))
        self.give(DeviceReady(device=Device.STORE))

    def now(self) -> Instant:
        return Instant(mono_s=self.now_s, wall_utc=1000.0 + self.now_s, uncertainty_s=0.0, trusted=self.trusted)

    def give(self, given: Input) -> tuple[Action, ...]:
        """Give an input now."""
        self.state, done = gate.step(self.state, given, self.now(), self.rules)
        self.actions += done
        return done

    def wait(self, seconds: float) -> None:
        """Let time pass, waking at each deadline."""
        end_s = self.now_s + seconds
        while (due_s := gate.next_deadline(self.state, self.now_s, self.rules)) is not None and due_s <= end_s:
            self.now_s = due_s
            self.give(Ticked())
        self.now_s = end_s

    def feel(self, object_c: float, times: int = 1) -> None:
        """Take samples of a forehead (or the wall), a tenth of a second apart."""
        for _ in range(times):
            self.now_s += STEP_S
            self.words += 1
            reading = Reading(
                object_c=object_c, ambient_c=24.0, object_raw=self.words, ambient_raw=self.words, at_s=self.now_s
            )
            self.give(TemperatureRead(reading=reading))

    def grant(self, name: str = "A1") -> int:
        """Bring a visitor as far as the grant that the store is asked for."""
        self.feel(NORMAL_C, 2)
        self.give(code_of(name))
        return self.records()[-1].grant_id

    def open(self, name: str = "A1") -> int:
        """Bring a visitor as far as the open gate."""
        grant_id = self.grant(name)
        self.give(Recorded(grant_id=grant_id))
        assert self.state.phase is Phase.OPEN
        return grant_id

    def records(self) -> list[Record]:
        return [action for action in self.actions if isinstance(action, Record)]

    def releases(self) -> int:
        return sum(isinstance(action, Release) for action in self.actions)

    def events(self) -> list[AccessEvent]:
        return [action.event for action in self.actions if isinstance(action, Report)]

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events()]

    def shown(self) -> list[Signal]:
        return [action.signal for action in self.actions if isinstance(action, Show)]


@pytest.fixture
def lane() -> Lane:
    return Lane()


# ---------------------------------------------------------------- who passes


def test_green_and_normal_is_recorded_first_and_only_then_released(lane: Lane) -> None:
    grant_id = lane.grant()
    assert lane.releases() == 0
    done = lane.give(Recorded(grant_id=grant_id))
    assert done == (Release(grant_id=grant_id, hold_s=RULES.hold_s), Show(signal=Signal.PASS))


def test_temperature_and_code_may_come_in_either_order(lane: Lane) -> None:
    lane.give(code_of("A1"))
    lane.feel(NORMAL_C)
    lane.give(code_of("A1"))
    lane.feel(NORMAL_C)
    assert len(lane.records()) == 1


def test_a_grant_is_one_passage(lane: Lane) -> None:
    grant_id = lane.open()
    assert Withdraw() in lane.give(PassageSensed(occupied=True))
    lane.give(PassageSensed(occupied=False))
    (passed,) = [event for event in lane.events() if event.kind is EventKind.PASSED]
    assert passed.grant_id == grant_id
    assert lane.state.phase is not Phase.OPEN
    assert lane.releases() == 1


def test_who_passed_is_refused_within_the_window_whatever_code_is_shown(lane: Lane) -> None:
    lane.open("A1")
    lane.give(PassageSensed(occupied=True))
    lane.give(PassageSensed(occupied=False))
    lane.wait(RULES.linger_s + 1.0)
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A2"))
    assert lane.events()[-1].reason is Reason.PASSBACK
    assert len(lane.records()) == 1


def test_a_phone_still_in_view_after_a_passage_is_no_new_visitor(lane: Lane) -> None:
    lane.open("A1")
    lane.give(PassageSensed(occupied=True))
    lane.give(PassageSensed(occupied=False))
    lane.give(code_of("A1"))
    assert EventKind.REFUSED not in lane.kinds()


# ---------------------------------------------------------------- faults 43 to 51


@pytest.mark.parametrize("reason", [Reason.FOREIGN, Reason.UNREADABLE, Reason.EXPIRED])
def test_43_a_poster_gets_a_sign_and_no_verdict(lane: Lane, reason: Reason) -> None:
    lane.give(refused(reason))
    assert lane.shown()[-1] is Signal.RETRY
    assert lane.state.phase is Phase.IDLE
    lane.wait(RULES.advice_s)
    assert lane.shown()[-1] is Signal.READY
    assert [event.reason for event in lane.events() if event.kind is EventKind.RETRIED] == [reason]


def test_43_yellow_and_normal_does_not_open(lane: Lane) -> None:
    lane.feel(NORMAL_C, 2)
    lane.give(refused(Reason.YELLOW))
    assert lane.shown()[-1] is Signal.RETRY
    assert not lane.records()
    lane.give(code_of("A1"))
    assert len(lane.records()) == 1


def test_44_two_codes_in_one_frame_decide_nothing(lane: Lane) -> None:
    lane.feel(NORMAL_C)
    lane.give(code_of("A1"))
    lane.give(CodesConflicted())
    lane.feel(NORMAL_C, 2)
    assert lane.shown()[-1] is Signal.ONE_PERSON
    assert not lane.records()


def test_44_a_second_persons_code_starts_code_and_temperature_anew(lane: Lane) -> None:
    lane.feel(NORMAL_C)
    lane.give(code_of("A1"))
    lane.give(code_of("B1"))
    lane.feel(NORMAL_C)
    assert not lane.records()
    lane.feel(NORMAL_C, 10)
    lane.give(code_of("B1"))
    assert len(lane.records()) == 1


def test_44_two_codes_before_anybody_is_felt_get_the_sign_too(lane: Lane) -> None:
    lane.give(code_of("A1"))
    lane.give(CodesConflicted())
    assert lane.shown()[-1] is Signal.ONE_PERSON


def test_45_a_code_of_one_and_the_temperature_of_another_never_meet(lane: Lane) -> None:
    lane.feel(NORMAL_C)
    lane.give(code_of("A1"))
    lane.wait(RULES.presence.gap_s)
    left = [event for event in lane.events() if event.kind is EventKind.LEFT]
    assert [event.reason for event in left] == [Reason.SUBJECT_BREAK]
    assert lane.shown()[-1] is Signal.ONE_PERSON
    lane.feel(NORMAL_C, 3)
    assert not lane.records()


def test_45_a_commit_for_whoever_has_left_opens_nothing(lane: Lane) -> None:
    rules = replace(RULES, record_s=2.0)
    lane = Lane(rules)
    grant_id = lane.grant()
    lane.wait(rules.presence.gap_s)
    done = lane.give(Recorded(grant_id=grant_id))
    assert lane.releases() == 0
    (told,) = [action for action in done if isinstance(action, Report)]
    assert (told.event.kind, told.give_back) == (EventKind.NOT_USED, None)


def test_46_a_body_without_a_grant_is_forced_entry_and_waits_for_staff(lane: Lane) -> None:
    lane.give(PassageSensed(occupied=True))
    assert lane.kinds()[-1] is EventKind.FORCED_OPEN
    assert lane.shown()[-1] is Signal.ALARM
    lane.give(PassageSensed(occupied=False))
    lane.wait(10 * RULES.alarm_s)
    assert lane.state.phase is Phase.ALARM
    lane.give(Acknowledged())
    assert lane.state.phase is Phase.IDLE


def test_46_nobody_is_granted_while_the_alarm_is_on(lane: Lane) -> None:
    lane.give(PassageSensed(occupied=True))
    lane.give(PassageSensed(occupied=False))
    lane.feel(NORMAL_C, 3)
    lane.give(code_of("A1"))
    assert not lane.records()


def test_46_an_edge_that_still_bounces_is_no_body_yet() -> None:
    lane = Lane(replace(RULES, debounce_s=0.03))
    lane.give(PassageSensed(occupied=True))
    assert lane.state.phase is Phase.IDLE
    lane.now_s += 0.01
    lane.give(PassageSensed(occupied=False))
    lane.wait(1.0)
    assert EventKind.FORCED_OPEN not in lane.kinds()


def test_46_a_body_that_comes_in_while_the_loop_hung_past_the_window_was_not_let_through(lane: Lane) -> None:
    lane.open()
    lane.now_s += RULES.hold_s + RULES.grace_s
    lane.give(PassageSensed(occupied=True))
    assert lane.kinds()[-2:] == [EventKind.NOT_USED, EventKind.FORCED_OPEN]
    assert lane.state.phase is Phase.ALARM


def test_47_a_body_close_behind_is_a_tailgater(lane: Lane) -> None:
    lane.open()
    lane.give(PassageSensed(occupied=True))
    lane.give(PassageSensed(occupied=False))
    lane.now_s += RULES.tailgate_s / 2
    lane.give(PassageSensed(occupied=True))
    assert lane.kinds()[-1] is EventKind.TAILGATING
    assert lane.releases() == 1


def test_48_a_body_that_stays_raises_an_alarm_that_ends_when_it_goes(lane: Lane) -> None:
    lane.open()
    lane.give(PassageSensed(occupied=True))
    lane.wait(RULES.move_on_s)
    assert lane.shown()[-1] is Signal.MOVE_ON
    lane.wait(RULES.held_open_s)
    assert lane.kinds()[-1] is EventKind.HELD_OPEN
    lane.give(PassageSensed(occupied=False))
    assert lane.kinds()[-2:] == [EventKind.PASSED, EventKind.ALARM_ENDED]


def test_48_a_body_that_leaves_at_last_has_passed_even_where_contacts_bounce() -> None:
    lane = Lane(replace(RULES, debounce_s=0.03))
    lane.open()
    lane.give(PassageSensed(occupied=True))
    lane.wait(RULES.held_open_s + 1.0)
    assert lane.state.phase is Phase.ALARM
    lane.give(PassageSensed(occupied=False))
    lane.wait(1.0)
    assert lane.kinds()[-2:] == [EventKind.PASSED, EventKind.ALARM_ENDED]


def test_48_a_passage_that_is_blocked_from_the_start_is_told_and_lets_nobody_in(lane: Lane) -> None:
    lane.state = replace(lane.state, passage=replace(lane.state.passage, raw=True, level=True))
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A1"))
    assert not lane.records()
    lane.wait(RULES.presence.gap_s + RULES.advice_s + RULES.held_open_s)
    assert lane.kinds()[-1] is EventKind.HELD_OPEN


def test_49_a_grant_that_is_not_used_gives_the_code_back_to_whoever_still_stands_there(lane: Lane) -> None:
    grant_id = lane.open()
    for _ in range(60):
        lane.feel(NORMAL_C)
    (told,) = [a for a in lane.actions if isinstance(a, Report) and a.event.kind is EventKind.NOT_USED]
    assert told.event.grant_id == grant_id
    assert told.give_back == code_of("A1").code
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A1"))
    assert len(lane.records()) == 2


def test_49_whoever_stands_there_instead_gets_nothing_back(lane: Lane) -> None:
    lane.open()
    lane.wait(RULES.presence.gap_s)
    lane.feel(NORMAL_C, 50)
    (told,) = [a for a in lane.actions if isinstance(a, Report) and a.event.kind is EventKind.NOT_USED]
    assert told.give_back is None
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A1"))
    assert lane.events()[-1].reason is Reason.SPENT


def in_phase(phase: Phase) -> Lane:
    """A gate brought to this phase."""
    lane = Lane()
    match phase:
        case Phase.STARTING:
            lane.state, _ = gate.start(lane.now(), frozenset({Device.STORE}))
        case Phase.ATTENDING:
            lane.feel(NORMAL_C)
        case Phase.RECORDING:
            lane.grant()
        case Phase.OPEN:
            lane.open()
        case Phase.PASSING:
            lane.open()
            lane.give(PassageSensed(occupied=True))
        case Phase.DESK:
            lane.give(refused(Reason.RED))
        case Phase.OUT_OF_SERVICE:
            lane.give(DeviceFailed(device=Device.READER, fault="stalled"))
        case Phase.ALARM:
            lane.give(PassageSensed(occupied=True))
        case Phase.FIRE:
            lane.give(FireSensed(active=True))
        case Phase.IDLE:
            pass
    assert lane.state.phase is phase
    return lane


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.FIRE])
def test_50_fire_frees_the_way_in_every_phase_until_the_panel_is_reset(phase: Phase) -> None:
    lane = in_phase(phase)
    done = lane.give(FireSensed(active=True))
    assert FreeEgress() in done
    assert lane.state.phase is Phase.FIRE
    assert lane.shown()[-1] is Signal.FIRE
    lane.actions.clear()
    lane.give(Acknowledged())
    lane.feel(NORMAL_C, 3)
    lane.give(code_of("B1"))
    lane.give(DeviceFailed(device=Device.BARRIER, fault="broken"))
    lane.wait(1000.0)
    assert not {Withdraw(), FreeEgress()} & set(lane.actions)
    assert lane.state.phase is Phase.FIRE
    assert Withdraw() in lane.give(FireSensed(active=False))


def test_50_the_acknowledge_clears_the_alarm_and_not_the_fire(lane: Lane) -> None:
    lane.give(PassageSensed(occupied=True))
    lane.give(FireSensed(active=True))
    lane.give(Acknowledged())
    assert lane.kinds()[-1] is EventKind.ALARM_ENDED
    assert lane.state.phase is Phase.FIRE


def test_50_an_alarm_that_nobody_saw_to_outlasts_the_fire(lane: Lane) -> None:
    lane.give(PassageSensed(occupied=True))
    lane.give(FireSensed(active=True))
    lane.give(FireSensed(active=False))
    assert lane.state.phase is Phase.ALARM


def test_50_a_grant_under_way_in_a_fire_is_ended_when_the_store_answers(lane: Lane) -> None:
    grant_id = lane.grant()
    lane.give(FireSensed(active=True))
    lane.give(Recorded(grant_id=grant_id))
    assert lane.kinds()[-1] is EventKind.NOT_USED
    assert lane.releases() == 0


# ---------------------------------------------------------------- temperature


@pytest.mark.parametrize(
    ("object_c", "kind", "reason"),
    [
        (HIGH_C, EventKind.REFUSED, Reason.TEMPERATURE_HIGH),
        (COLD_C, EventKind.ASSIST, Reason.TEMPERATURE_LOW),
    ],
)
def test_a_forehead_that_is_not_normal_is_sent_to_the_desk(
    lane: Lane, object_c: float, kind: EventKind, reason: Reason
) -> None:
    lane.give(code_of("A1"))
    lane.feel(object_c, 2)
    assert (lane.events()[-1].kind, lane.events()[-1].reason) == (kind, reason)
    assert lane.shown()[-1] is Signal.DESK


def test_who_was_high_is_refused_until_the_time_is_over(lane: Lane) -> None:
    lane.feel(HIGH_C)
    lane.give(code_of("A1"))
    lane.feel(HIGH_C)
    lane.wait(RULES.desk_s + RULES.presence.gap_s)
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A2"))
    assert lane.events()[-1].reason is Reason.TEMPERATURE_HIGH
    lane.wait(RULES.fevered_s)
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A3", seconds=2000.0))
    assert len(lane.records()) == 1


def test_a_code_shown_after_a_high_tells_whose_it_was(lane: Lane) -> None:
    lane.feel(HIGH_C, 2)
    assert lane.state.phase is Phase.DESK
    lane.give(code_of("A1"))
    lane.wait(RULES.desk_s + RULES.presence.gap_s)
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A2"))
    assert lane.events()[-1].reason is Reason.TEMPERATURE_HIGH


def test_nobody_is_granted_in_the_presence_of_a_high(lane: Lane) -> None:
    lane.feel(HIGH_C, 2)
    for _ in range(300):
        lane.feel(NORMAL_C)
    lane.give(code_of("B1"))
    assert not lane.records()


def test_whoever_stood_there_during_an_alarm_is_measured_anew(lane: Lane) -> None:
    lane.give(PassageSensed(occupied=True))
    lane.give(PassageSensed(occupied=False))
    lane.feel(NORMAL_C, 300)
    lane.give(Acknowledged())
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A1"))
    assert len(lane.records()) == 1


# ---------------------------------------------------------------- the store


def test_no_commit_in_time_puts_the_gate_out_of_service_until_the_store_answers(lane: Lane) -> None:
    grant_id = lane.grant()
    lane.wait(RULES.record_s)
    assert lane.state.phase is Phase.OUT_OF_SERVICE
    assert lane.events()[-1].fault == "store_slow"
    done = lane.give(Recorded(grant_id=grant_id))
    assert lane.releases() == 0
    (told, *_) = [action for action in done if isinstance(action, Report)]
    assert (told.event.kind, told.give_back) == (EventKind.NOT_USED, code_of("A1").code)
    assert lane.state.phase is not Phase.OUT_OF_SERVICE


def test_a_late_answer_does_not_mend_another_fault_of_the_store(lane: Lane) -> None:
    grant_id = lane.grant()
    lane.wait(RULES.record_s)
    lane.give(DeviceFailed(device=Device.STORE, fault="storage_full"))
    lane.give(Recorded(grant_id=grant_id))
    assert lane.state.phase is Phase.OUT_OF_SERVICE


def test_a_commit_that_comes_before_the_tick_that_would_have_refused_it_is_late_all_the_same(lane: Lane) -> None:
    grant_id = lane.grant()
    lane.now_s += RULES.record_s
    lane.give(Recorded(grant_id=grant_id))
    assert lane.releases() == 0
    assert EventKind.NOT_USED in lane.kinds()


def test_a_grant_that_the_store_never_committed_frees_its_code_when_a_later_one_is_answered(lane: Lane) -> None:
    lane.grant("A1")
    lane.give(DeviceFailed(device=Device.STORE, fault="storage_error"))
    lane.give(DeviceReady(device=Device.STORE))
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("B1"))
    lane.give(Recorded(grant_id=lane.records()[-1].grant_id))
    assert [entry.code for entry in lane.state.spent] == [code_of("B1").code]


def test_an_answer_for_a_grant_that_was_never_ordered_does_nothing(lane: Lane) -> None:
    lane.grant()
    assert lane.give(Recorded(grant_id=99)) == ()


def test_time_that_is_no_longer_trusted_at_the_commit_opens_nothing(lane: Lane) -> None:
    grant_id = lane.grant()
    lane.trusted = False
    lane.give(Recorded(grant_id=grant_id))
    assert lane.releases() == 0


# ---------------------------------------------------------------- devices


@pytest.mark.parametrize("device", list(Device))
def test_any_device_that_fails_means_no_grant_until_it_works_again(lane: Lane, device: Device) -> None:
    lane.give(DeviceFailed(device=device, fault="broken"))
    assert lane.shown()[-1] is Signal.OUT_OF_SERVICE
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A1"))
    assert not lane.records()
    lane.give(DeviceReady(device=device))
    lane.feel(NORMAL_C, 2)
    lane.give(code_of("A1"))
    assert len(lane.records()) == 1


def test_an_open_housing_is_out_of_service(lane: Lane) -> None:
    lane.give(TamperSensed(open=True))
    assert lane.state.phase is Phase.OUT_OF_SERVICE
    lane.give(TamperSensed(open=False))
    assert lane.kinds()[-2:] == [EventKind.TAMPER, EventKind.TAMPER_ENDED]
    assert lane.state.phase is Phase.IDLE


def test_whoever_stands_there_when_the_thermometer_fails_is_sent_to_staff(lane: Lane) -> None:
    lane.feel(NORMAL_C)
    lane.give(DeviceFailed(device=Device.THERMOMETER, fault="i2c_nak"))
    assert (lane.events()[-1].kind, lane.events()[-1].reason) == (EventKind.ASSIST, Reason.SENSOR_FAULT)
    assert lane.shown()[-1] is Signal.DESK


def test_what_never_comes_up_is_a_fault_even_beside_another() -> None:
    lane = Lane()
    lane.state, _ = gate.start(lane.now(), frozenset({Device.READER, Device.STORE}))
    lane.give(DeviceFailed(device=Device.READER, fault="missing"))
    lane.wait(RULES.start_s)
    assert [(event.device, event.fault) for event in lane.events() if event.kind is EventKind.FAULT] == [
        (Device.READER, "missing"),
        (Device.STORE, "not_ready"),
    ]


def test_a_relay_that_fails_ends_the_grant_unless_somebody_is_just_going_in(lane: Lane) -> None:
    lane.open()
    lane.give(DeviceFailed(device=Device.BARRIER, fault="broken"))
    assert EventKind.NOT_USED in lane.kinds()
    lane = Lane(replace(RULES, debounce_s=0.03))
    lane.open()
    lane.give(PassageSensed(occupied=True))
    lane.give(DeviceFailed(device=Device.BARRIER, fault="broken"))
    lane.wait(0.1)
    lane.give(PassageSensed(occupied=False))
    lane.wait(0.1)
    assert EventKind.PASSED in lane.kinds()
    assert not {EventKind.NOT_USED, EventKind.FORCED_OPEN} & set(lane.kinds())


@pytest.mark.parametrize(
    ("released", "energised", "fault"), [(False, True, "relay_stuck_on"), (True, False, "relay_stuck_off")]
)
def test_a_relay_that_does_not_follow_its_order_is_out_of_service(released: bool, energised: bool, fault: str) -> None:
    lane = Lane(replace(RULES, feedback_fitted=True))
    if released:
        lane.open()
    lane.give(FeedbackSensed(energised=energised))
    lane.wait(RULES.feedback_s)
    assert [event.fault for event in lane.events() if event.kind is EventKind.FAULT] == [fault]
    assert lane.state.phase is Phase.OUT_OF_SERVICE


# ---------------------------------------------------------------- what people see


def verdicts() -> list[tuple[str, Lane]]:
    """Everybody who is not admitted, each for another reason."""
    lanes = []
    for reason in (Reason.RED, Reason.ORANGE, Reason.SIGNATURE, Reason.BLACK_AND_WHITE, Reason.TIME_UNTRUSTED):
        lane = Lane()
        lane.feel(NORMAL_C)
        lane.actions.clear()
        lane.give(refused(reason))
        lanes.append((reason.value, lane))
    for object_c in (HIGH_C, COLD_C):
        lane = Lane()
        lane.feel(object_c)
        lane.actions.clear()
        lane.feel(object_c)
        lanes.append((str(object_c), lane))
    return lanes


def test_nothing_but_the_event_tells_one_reason_from_another() -> None:
    seen = {name: [action for action in lane.actions if not isinstance(action, Report)] for name, lane in verdicts()}
    assert all(actions == [Show(signal=Signal.DESK)] for actions in seen.values()), seen


def test_no_event_names_a_temperature_or_a_person(lane: Lane) -> None:
    lane.open()
    told = [record.event for record in lane.records()] + lane.events()
    assert told[0].temperature is TemperatureBand.NORMAL
    assert not any(code_of("A1").person in vars_of(event) for event in told)


def vars_of(event: AccessEvent) -> list[object]:
    return [getattr(event, name) for name in AccessEvent.__slots__]


def test_a_step_that_changes_nothing_gives_the_state_itself(lane: Lane) -> None:
    before: GateState = lane.state
    assert lane.give(Ticked()) == ()
    assert lane.state is before
