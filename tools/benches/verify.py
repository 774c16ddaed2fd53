"""How long a strict verification takes, beside the bare signature check that it contains."""

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gatefw.credentials import TrustStore, examine
from gatefw.model import Credential, Instant
from gatefw.simulation.issuer import Issuer, message_of, trust_files

IAT = 1_600_000_000
NOW = Instant(mono_s=0.0, wall_utc=IAT + 10.0, uncertainty_s=0.5, trusted=True)
AIM = 2.0
BATCH = 20
"""Calls a turn: long enough to be measured, short enough that a busy machine slows both sides alike."""


def _turn_ms(call: Callable[[], object]) -> float:
    begun = perf_counter()
    for _ in range(BATCH):
        call()
    return (perf_counter() - begun) / BATCH * 1e3


def _bare(issuer: Issuer, text: str) -> Callable[[], object]:
    """Return one ECDSA verification by `cryptography` over a message of the same size, inputs ready."""
    message = message_of(text)
    signature = issuer.private_key.sign(message, ec.ECDSA(hashes.SHA256()))
    public, algorithm = issuer.private_key.public_key(), ec.ECDSA(hashes.SHA256())
    return lambda: public.verify(signature, message, algorithm)


def _figure(name: str, issuer: Issuer, text: str, turns: int) -> dict[str, Any]:
    trust = TrustStore.from_files(trust_files([issuer]))
    if not isinstance(examine(text, trust, NOW).outcome, Credential):
        raise RuntimeError(f"{name}: the code to be measured is not accepted")
    bare = _bare(issuer, text)
    pairs = [(_turn_ms(lambda: examine(text, trust, NOW)), _turn_ms(bare)) for _ in range(turns)]
    ours, reference = (median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = median(one / other for one, other in pairs)
    return {
        "bench": "verify",
        "figure": name,
        "value": ours,
        "unit": "ms",
        "reference": reference,
        "ratio": ratio,
        "aim": f"<= {AIM:g} x a bare ECDSA verification",
        "met": ratio <= AIM,
    }


def run(quick: bool) -> Iterator[dict[str, Any]]:
    """Give the strict verification of an EU certificate and of a Jixiang code, all checks included."""
    turns = 60 if quick else 400
    state, jilin = Issuer.hcert(), Issuer.jixiang()
    yield _figure("HC1, strict", state, state.hc1(iat=IAT), turns)
    yield _figure("JX1, strict", jilin, jilin.jx1(iat=IAT), turns)
