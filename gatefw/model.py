"""Values that cross rooms: what the devices saw, what `step` takes and orders, what ops are told.

Every value is frozen and keyword-only. An *input* is what `decision.gate.step` takes, an *action* is what it
orders, an *AccessEvent* is what ops are told. The unions `Input` and `Action` are closed: a match on them ends
with `assert_never`. Nothing that leaves the verifying call holds a name, a birth date or the text of a code.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

PersonKey = NewType("PersonKey", bytes)
"""HMAC(site secret, issuer ‖ person), 16 bytes: who passed, without saying who it is."""

CodeKey = NewType("CodeKey", bytes)
"""SHA-256 over (issuer, cti), first 16 bytes: what is spent by a passage."""


# ---------------------------------------------------------------- time


@dataclass(frozen=True, kw_only=True, slots=True)
class Instant:
    """One moment on both clocks.

    `mono_s` never jumps: deadlines run on it. `wall_utc` is Unix seconds; the truth lies within
    ± `uncertainty_s` of it. `trusted` is false when nothing vouches for the wall clock: then no dynamic code counts.
    """

    mono_s: float
    wall_utc: float
    uncertainty_s: float
    trusted: bool


# ---------------------------------------------------------------- what the camera saw


class Decoder(StrEnum):
    """Who read a code."""

    ZXING = "zxing"
    ZBAR = "zbar"


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One luma plane: `luma` holds `height_px` rows of `width_px` bytes, stride already cropped.

    `captured_s` is CLOCK_MONOTONIC (or the virtual clock) at capture; `handed_s` is real CLOCK_MONOTONIC when the
    frame was handed to the decoder, for the benchmark only.
    """

    number: int
    width_px: int
    height_px: int
    luma: bytes
    captured_s: float
    handed_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """The text of one code in one frame. `text` is exactly what the decoder read, whatever it is."""

    text: str
    decoder: Decoder
    inverted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameRead:
    """What the reader worker says of one frame: each different code once, and whether an unreadable one was seen.

    `decode_s` is the real time spent in the decoders.
    """

    number: int
    captured_s: float
    handed_s: float
    scans: tuple[Scan, ...]
    glimpsed: bool
    decode_s: float


# ---------------------------------------------------------------- codes


class Format(StrEnum):
    """What kind of code a text is."""

    JIXIANG = "jixiang"
    HCERT = "hcert"
    SHC = "shc"
    TOKEN = "token"
    FOREIGN = "foreign"
    UNREADABLE = "unreadable"


class Colour(StrEnum):
    """What the authority says of the person; which of them exist is data of a versioned scheme."""

    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    BLACK_AND_WHITE = "black_and_white"


class Reason(StrEnum):
    """Why a code is refused or a visitor is not admitted: the stable machine code in events and `--json`."""

    # the code
    FOREIGN = "foreign"
    UNREADABLE = "unreadable"
    OVERSIZE = "oversize"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    ALGORITHM = "algorithm"
    UNKNOWN_ISSUER = "unknown_issuer"
    SCOPE = "scope"
    SIGNATURE = "signature"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    LIFETIME = "lifetime"
    TIME_UNTRUSTED = "time_untrusted"
    SCHEMA = "schema"
    KEY_USAGE = "key_usage"
    REVOKED = "revoked"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    BLACK_AND_WHITE = "black_and_white"
    # the person and the passage
    STATIC_CODE = "static_code"
    NO_CODE = "no_code"
    SPENT = "spent"
    PASSBACK = "passback"
    SEVERAL_CODES = "several_codes"
    PASSAGE_BLOCKED = "passage_blocked"
    SUBJECT_BREAK = "subject_break"
    TEMPERATURE_HIGH = "temperature_high"
    TEMPERATURE_LOW = "temperature_low"
    TEMPERATURE_UNSTABLE = "temperature_unstable"
    NO_SUBJECT = "no_subject"
    AMBIENT_RANGE = "ambient_range"
    SENSOR_FAULT = "sensor_fault"


class Stage(StrEnum):
    """The steps of verification, in the order in which they are taken."""

    PREFIX = "prefix"
    BASE45 = "base45"
    INFLATE = "inflate"
    COSE = "cose"
    SIGNATURE = "signature"
    TIME = "time"
    SCHEMA = "schema"
    KEY_USAGE = "key_usage"
    COLOUR = "colour"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """A code that was parsed and verified.

    `subject` names the person within `issuer` (a pseudonym, or a digest of name and birth date) and never leaves
    memory; `code_id` is the cti where there is one. `copyable` codes are static: anyone may hold a copy.
    `single_use` codes are spent by a passage. `expires_utc` is Unix seconds.
    """

    format: Format
    issuer: str
    key_id: bytes
    subject: bytes
    code_id: bytes | None
    colour: Colour
    expires_utc: float
    copyable: bool
    single_use: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A code that is not accepted, and why. `detail` is for technicians and names no person."""

    format: Format
    reason: Reason
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """What `credentials` says of one text: the outcome and which stages were passed (absent = not reached)."""

    format: Format
    outcome: Credential | Refusal
    stages: tuple[tuple[Stage, bool], ...]


# ---------------------------------------------------------------- temperature


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One good sample of the infrared thermometer, as read: no correction yet.

    `object_c` is TOBJ1, `ambient_c` is TA; `object_raw` and `ambient_raw` are the words they came from (a frozen sensor
    repeats them); `at_s` is on the monotonic clock.
    """

    object_c: float
    ambient_c: float
    object_raw: int
    ambient_raw: int
    at_s: float


class TemperatureBand(StrEnum):
    """What a measurement says. Only NORMAL may pass; the rest of the world sees no number."""

    NORMAL = "normal"
    HIGH = "high"
    REMEASURE = "remeasure"
    LOW = "low"
    UNSTABLE = "unstable"
    NO_SUBJECT = "no_subject"
    AMBIENT_OUT_OF_RANGE = "ambient_out_of_range"
    FAULT = "fault"


# ---------------------------------------------------------------- devices


class Device(StrEnum):
    """What can fail, as it is called in events, logs and the doctor."""

    READER = "reader"
    THERMOMETER = "thermometer"
    BARRIER = "barrier"
    INDICATOR = "indicator"
    STORE = "store"
    TRUST = "trust"
    CLOCK = "clock"
    LINK = "link"


class Signal(StrEnum):
    """The rows of SIGNALS: what one person is shown. The indicator turns each into lamps, sound and text."""

    STARTING = "starting"
    READY = "ready"
    READING = "reading"
    MEASURE = "measure"
    REMEASURE = "remeasure"
    RETRY = "retry"
    ONE_PERSON = "one_person"
    PASS = "pass"
    MOVE_ON = "move_on"
    DESK = "desk"
    HELP_COMING = "help_coming"
    FULL = "full"
    OUT_OF_SERVICE = "out_of_service"
    ALARM = "alarm"
    FIRE = "fire"


# ---------------------------------------------------------------- inputs of step


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticked:
    """A deadline came; nothing else happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeScanned:
    """One code was read and verified (or refused). `person` and `code` are keys, never the person or the code."""

    outcome: Credential | Refusal
    person: PersonKey | None
    code: CodeKey | None
    decoder: Decoder


@dataclass(frozen=True, kw_only=True, slots=True)
class CodesConflicted:
    """Two different codes stood in one frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeGlimpsed:
    """A code was located and could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TemperatureRead:
    """The thermometer gave a good sample."""

    reading: Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class PassageSensed:
    """The passage contact changed: `occupied` while a body is in the passage."""

    occupied: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FireSensed:
    """The fire panel's auxiliary contact changed."""

    active: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TamperSensed:
    """The housing's contact changed."""

    open: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackSensed:
    """The relay's feedback contact changed: `energised` while the turnstile is really released."""

    energised: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """Staff turned the key at the gate: the alarm was seen to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The store has committed this grant."""

    grant_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceReady:
    """A device works (at start, or again)."""

    device: Device


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceFailed:
    """A device does not work. `fault` is the stable name of what is wrong."""

    device: Device
    fault: str


Input = (
    Ticked
    | CodeScanned
    | CodesConflicted
    | CodeGlimpsed
    | TemperatureRead
    | PassageSensed
    | FireSensed
    | TamperSensed
    | FeedbackSensed
    | Acknowledged
    | Recorded
    | DeviceReady
    | DeviceFailed
)


# ---------------------------------------------------------------- what ops are told


class EventKind(StrEnum):
    """What happened; the last word of the MQTT topic `gatefw/v1/{gate}/event/{kind}`."""

    STARTED = "started"
    GRANTED = "granted"
    PASSED = "passed"
    NOT_USED = "not_used"
    REFUSED = "refused"
    ASSIST = "assist"
    RETRIED = "retried"
    LEFT = "left"
    FORCED_OPEN = "forced_open"
    TAILGATING = "tailgating"
    HELD_OPEN = "held_open"
    ALARM_ENDED = "alarm_ended"
    FIRE_RELEASE = "fire_release"
    FIRE_ENDED = "fire_ended"
    TAMPER = "tamper"
    TAMPER_ENDED = "tamper_ended"
    FAULT = "fault"
    FAULT_ENDED = "fault_ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessEvent:
    """One thing that happened, told truly and without a person in it.

    `visit` numbers the presences since the start of the daemon, `grant_id` the grants of this gate;
    `temperature` is the band only, never the value.
    """

    kind: EventKind
    at: Instant
    visit: int | None = None
    grant_id: int | None = None
    reason: Reason | None = None
    format: Format | None = None
    decoder: Decoder | None = None
    temperature: TemperatureBand | None = None
    device: Device | None = None
    fault: str | None = None


# ---------------------------------------------------------------- actions of step


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """A code that may not pass again before `until_utc` (Unix seconds, when it expires by itself)."""

    code: CodeKey
    until_utc: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedBy:
    """A person who may not pass again before `until_utc` (Unix seconds)."""

    person: PersonKey
    until_utc: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """Commit a grant: event and spent code in one transaction, then answer `Recorded`. Only then may the relay move."""

    grant_id: int
    event: AccessEvent
    spend: Spent | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Keep an event for ops; in the same transaction give a code back or remember who passed."""

    event: AccessEvent
    give_back: CodeKey | None = None
    passed_by: PassedBy | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Let one passage begin within `hold_s`; the driver ends it by itself."""

    grant_id: int
    hold_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdraw:
    """Take the permission back (relay off). A passage that has begun finishes by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FreeEgress:
    """Fire: stay open until the panel is reset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Show:
    """Show this signal from now on."""

    signal: Signal


Action = Record | Report | Release | Withdraw | FreeEgress | Show


# ---------------------------------------------------------------- numbers that two rooms share

TEXT_LIMIT_CHARS: Final = 8192
"""A scan longer than this is refused unread: QR version 40 holds 7,089 digits (ISO/IEC 18004, table 7)."""
