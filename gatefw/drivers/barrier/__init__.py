"""The turnstile's relay, its heartbeat and its contacts, through gpiozero on a named pin factory.

What the lines do (BCM numbers in `BarrierLines`):

- *relay* and *stop* are active-high and low from the first claim on; there is no active-low option, because
  a line that is floating, unclaimed or unpowered must mean "locked".
- *heartbeat* gets one edge for each `beat()` and none otherwise: a charge pump outside holds the relay only
  while edges come. After a line could not be driven, no edge comes any more.
- Contacts have the internal pull-up; a closed contact pulls the line low. Normally open: passage (closed =
  occupied), feedback (closed = relay energised), acknowledge (closed = key turned). Normally closed loops, so
  that a cut wire is seen: fire (open = fire), tamper (open = opened). Edges are enqueued as they come:
  debounce is a pure function elsewhere (gpiozero's mock pins ignore `bounce_time`).

Two kinds of controllers:

- `level`: the turnstile is unlocked while the relay is on.
- `pulse`: a pulse of at least 100 ms latches a window of the controller's own (5 s with PERCo); only its Stop
  input ends that early. Stop works on the entry side only and is never driven while the passage is occupied:
  a Stop wanted then is dropped, and the begun passage finishes. In free egress the pulse is repeated, since
  a window ends by itself.
"""

from gatefw.drivers.barrier.contacts import Contacts
from gatefw.drivers.barrier.factory import make_pin_factory
from gatefw.drivers.barrier.relay import Barrier, BarrierLines, CallLater, Cancel, Controller, start_timer

__all__ = [
    "Barrier",
    "BarrierLines",
    "CallLater",
    "Cancel",
    "Contacts",
    "Controller",
    "make_pin_factory",
    "start_timer",
]
