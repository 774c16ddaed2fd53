"""COSE_Sign1 (RFC 9052 §4.2) with ES256 or PS256, and nothing else.

Read: tag 18, no tag, or tag 18 within the CWT tag 61; an empty protected header written as h'' or h'A0'; a key id
in the unprotected header, which the protected one overrules. Refused: a detached payload, a `crit` that is not
understood, an algorithm other than the key's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gatefw.credentials import cbor
from gatefw.credentials.rejection import RejectionError
from gatefw.credentials.trust import Algorithm, TrustedKey, TrustStore
from gatefw.model import Format, Reason, Stage

_TAGS: Final = (b"\xd2", b"\xd8\x3d\xd2")
"""Tag 18 (RFC 9052 §2), and the same within tag 61 (RFC 8392 §6)."""

_ALG, _CRIT, _KID = 1, 2, 4
_UNDERSTOOD: Final = (_ALG, _KID)
_ALGORITHM_IDS: Final = {Algorithm.ES256: -7, Algorithm.PS256: -37}
"""RFC 9053 §2.1; RFC 8230 §2."""

_CONTEXT: Final = b"\x84\x6aSignature1"
_NO_EXTERNAL_DATA: Final = b"\x40"
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_PSS: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)
_SHA256: Final = hashes.SHA256()


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A COSE_Sign1 that was read, not verified: `protected` is what was signed of the header, `algorithm` its claim."""

    protected: bytes
    algorithm: int | None
    key_id: bytes | None
    payload: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """Return the Sig_structure (RFC 9052 §4.4)."""
        return b"".join((_CONTEXT, _bytes(self.protected), _NO_EXTERNAL_DATA, _bytes(self.payload)))


def open_envelope(message: bytes) -> Envelope:
    """Take a COSE_Sign1 apart; RejectionError(COSE) if it is none."""
    try:
        parts = cbor.decode(_untagged(message))
        match parts:
            case [bytes() as protected, dict() as unprotected, bytes() as payload, bytes() as signature]:
                header = cbor.decode(protected) if protected else {}
            case _:
                raise _malformed("it is not the four parts of a COSE_Sign1")
    except cbor.CborError as why:
        raise _malformed(str(why)) from None
    if not isinstance(header, dict):
        raise _malformed("the protected header is not a map")
    _refuse_critical(header, unprotected)
    return Envelope(
        protected=protected if header else b"",  # RFC 9052 §4.4: an empty map is signed as h''
        algorithm=_algorithm(header.get(_ALG, unprotected.get(_ALG))),
        key_id=_key_id(header.get(_KID, unprotected.get(_KID))),
        payload=payload,
        signature=signature,
    )


def find_signers(envelope: Envelope, trust: TrustStore, form: Format) -> tuple[TrustedKey, ...]:
    """Return the trusted keys of this format that signed the envelope (one, unless key ids collide).

    RejectionError(SIGNATURE) in this order: no key id or none that is known; known, but not for this format; the
    algorithm is not the key's; the signature is wrong.
    """
    known = trust.keys.get(envelope.key_id, ()) if envelope.key_id is not None else ()
    if not known:
        raise _unsigned(Reason.UNKNOWN_ISSUER, "No trusted key has this code's key id.")
    scoped = [key for key in known if key.format is form]
    if not scoped:
        raise _unsigned(Reason.SCOPE, f"The key {known[0].name} is trusted, but not to sign codes of this format.")
    agreeing = [key for key in scoped if envelope.algorithm == _ALGORITHM_IDS[key.algorithm]]
    if not agreeing:
        raise _unsigned(Reason.ALGORITHM, f"The code names another algorithm than its key's ({scoped[0].algorithm}).")
    signers = tuple(key for key in agreeing if is_signed_by(envelope, key))
    if not signers:
        raise _unsigned(Reason.SIGNATURE, "The signature is not that of the key it names: forged or damaged.")
    return signers


def within_scope(signers: Iterable[TrustedKey], issuer: str | None) -> TrustedKey:
    """Return the signer that may sign for `issuer`; RejectionError(SIGNATURE, SCOPE) if none may."""
    for key in signers:
        if key.issuer is None or key.issuer == issuer:
            return key
    raise _unsigned(Reason.SCOPE, "The key that signed this code is not trusted for the issuer that the code names.")


def is_signed_by(envelope: Envelope, key: TrustedKey) -> bool:
    """Whether `key` made the signature, by the algorithm that belongs to the key."""
    try:
        if isinstance(key.public, ec.EllipticCurvePublicKey):
            key.public.verify(_der(envelope.signature, key.public.key_size // 8), envelope.signed, _ECDSA)
        else:
            key.public.verify(envelope.signature, envelope.signed, _PSS, _SHA256)
    except InvalidSignature:
        return False
    return True


def _der(signature: bytes, size: int) -> bytes:
    """Turn r ‖ s of `size` bytes each (RFC 9053 §2.1) into the DER that `cryptography` takes."""
    if len(signature) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))


def _untagged(message: bytes) -> bytes:
    for tags in _TAGS:
        if message.startswith(tags):
            return message[len(tags) :]
    return message


def _algorithm(value: object) -> int | None:
    return value if type(value) is int else None  # a name in text belongs to no key here


def _key_id(value: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    raise _malformed("the key id is not a byte string")


def _refuse_critical(header: dict[int | str, object], unprotected: dict[int | str, object]) -> None:
    """RFC 9052 §3.1: crit stands in the protected header, is not empty, and names what is there and understood."""
    if _CRIT in unprotected:
        raise _malformed("crit stands in the unprotected header")
    if _CRIT not in header:
        return
    labels = header[_CRIT]
    if not isinstance(labels, list) or not labels:
        raise _malformed("crit is not a list of labels")
    if not all(type(label) is int and label in _UNDERSTOOD and label in header for label in labels):
        raise RejectionError(
            Stage.COSE, Reason.UNSUPPORTED, "The code demands (crit) what this gate does not understand."
        )


def _bytes(content: bytes) -> bytes:
    """Encode a CBOR byte string (RFC 8949 §3.1)."""
    size = len(content)
    if size < 24:
        return bytes([0x40 | size]) + content
    if size <= 0xFF:
        return bytes([0x58, size]) + content
    return b"\x59" + size.to_bytes(2) + content  # LIMIT_BYTES keeps it below 65,536


def _malformed(sentence: str) -> RejectionError:
    return RejectionError(Stage.COSE, Reason.MALFORMED, f"The signed envelope can't be read: {sentence}.")


def _unsigned(reason: Reason, sentence: str) -> RejectionError:
    return RejectionError(Stage.SIGNATURE, reason, sentence)
