"""What passes between the reader and its worker: one message a datagram, MessagePack, checked and bounded.

The worker holds decoders that eat what strangers show them. So the parent never unpickles anything of it, takes
no datagram beyond `MESSAGE_LIMIT_BYTES`, and no number that is not finite.
"""

import math
import socket
from typing import Final

import msgspec

from gatefw.errors import DeviceFault
from gatefw.model import FrameRead

ASK: Final = b"next"
MESSAGE_LIMIT_BYTES: Final = 128 * 1024
"""Eight texts of QR version 40 take 57 kB at most; a datagram must fit the socket's buffer (208 kB on Linux)."""


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """The camera runs."""


class Waiting(msgspec.Struct, frozen=True, tag="waiting"):
    """Alive, but no frame has come yet: ask again."""


class Decoding(msgspec.Struct, frozen=True, tag="decoding"):
    """A frame was captured and is handed to the decoders: what is late from now on is theirs."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """One frame, read."""

    frame: FrameRead


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The camera does not work. `code` is the fault's name, `sentence` is for the technician."""

    code: str
    sentence: str


Message = Opened | Waiting | Decoding | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def send(wire: socket.socket, message: Message) -> None:
    """Send one datagram. Raises OSError when the other side is gone."""
    wire.sendall(_encoder.encode(message))


def receive(wire: socket.socket) -> Message | None:
    """Return the next message, or None when the worker is gone.

    Raises TimeoutError by the socket's own time limit, and DeviceFault `decoder_crash` for what no sound worker
    sends.
    """
    try:
        datagram = wire.recv(MESSAGE_LIMIT_BYTES + 1)
    except ConnectionError:
        return None
    if not datagram:
        return None
    if len(datagram) > MESSAGE_LIMIT_BYTES:
        raise DeviceFault("decoder_crash", "The reader's worker sent more than any frame can hold.")
    try:
        message = _decoder.decode(datagram)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeviceFault("decoder_crash", "The reader's worker sent what can't be understood.") from error
    if isinstance(message, Done) and not _finite(message.frame):
        raise DeviceFault("decoder_crash", "The reader's worker sent a time that is no number.")
    return message


def _finite(frame: FrameRead) -> bool:
    return all(math.isfinite(t) for t in (frame.captured_s, frame.handed_s, frame.decode_s))
