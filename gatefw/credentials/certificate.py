"""Public keys out of PEM files, and what a certificate says they may be used for.

The certificate's own notBefore and notAfter are not looked at: which key counts, and until when, is said by the
policy beside it, and real health certificates outlive the certificate that signed them.
"""

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning

from gatefw.errors import TrustError

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

KEY_ID_BYTES: Final = 8
"""EU DCC (eHealth Network, Technical Specifications vol. 1, §3.3.3): the first 8 bytes of the DER's SHA-256."""

PEM_LIMIT_BYTES: Final = 262_144
_RSA_LEAST_BITS: Final = 2_048
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*+)-----END \1-----")
"""The body takes no dash and gives nothing back: a file of beginnings without an end is read once, not squared."""

_SEQUENCE, _OBJECT_IDENTIFIER, _OCTETS, _EXTENSIONS = 0x30, 0x06, 0x04, 0xA3
_EXTENDED_KEY_USAGE: Final = "2.5.29.37"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFile:
    """A public key: `key_id` as codes name it; `purposes` are dotted OIDs of its extended key usage (empty: any)."""

    key_id: bytes
    public: PublicKey
    purposes: frozenset[str]


def read_pem(name: str, pem: bytes) -> tuple[KeyFile, ...]:
    """Return every certificate or public key of the file; TrustError names the file and what is wrong with it."""
    if len(pem) > PEM_LIMIT_BYTES:
        raise TrustError("key_file", f"{name}: more than {PEM_LIMIT_BYTES} bytes; give a PEM file of certificates.")
    blocks = [(match[1], match[2]) for match in _BLOCK.finditer(pem)]
    if b"PRIVATE KEY-----" in pem:
        raise TrustError(
            "private_key", f"{name}: this holds a private key; a gate gets certificates only. Take it away."
        )
    if blocks and len(blocks) != pem.count(b"-----BEGIN "):
        raise TrustError("key_file", f"{name}: a block in it is cut short or damaged; give the file again.")
    if not blocks:
        raise TrustError("key_file", f"{name}: no certificate in it; give a PEM file (-----BEGIN CERTIFICATE-----).")
    return tuple(_read_block(name, label, text) for label, text in blocks)


def _read_block(name: str, label: bytes, text: bytes) -> KeyFile:
    try:
        der = base64.b64decode(b"".join(text.split()), validate=True)
        public, purposes = _parse(label, der)
    except (ValueError, binascii.Error, UnsupportedAlgorithm, x509.InvalidVersion) as why:
        raise TrustError("key_file", f"{name}: can't be read ({_short(why)}); give it again as PEM.") from None
    return KeyFile(key_id=hashlib.sha256(der).digest()[:KEY_ID_BYTES], public=_usable(name, public), purposes=purposes)


def _parse(label: bytes, der: bytes) -> tuple[object, frozenset[str]]:
    if label == b"PUBLIC KEY":
        return serialization.load_der_public_key(der), frozenset()
    if label != b"CERTIFICATE":
        raise ValueError(f"a {label.decode()} is neither certificate nor public key")
    with warnings.catch_warnings():  # odd serial numbers and the like say nothing about the key
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        certificate = x509.load_der_x509_certificate(der)
        return certificate.public_key(), key_purposes(certificate.tbs_certificate_bytes)


def _usable(name: str, public: object) -> PublicKey:
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1 | ec.SECP384R1):
        return public
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _RSA_LEAST_BITS:
        return public
    raise TrustError(
        "key_kind", f"{name}: only P-256, P-384 and RSA keys of {_RSA_LEAST_BITS} bits and more are of use here."
    )


def _short(why: Exception) -> str:
    return " ".join(str(why).split())[:80]


# ---------------------------------------------------------------- extended key usage


def key_purposes(tbs_certificate: bytes) -> frozenset[str]:
    """Return the OIDs of the extended key usage of a DER TBSCertificate (RFC 5280 §4.1, §4.2.1.12), empty if none.

    Read here, not by `cryptography`, whose parser refuses every extension of a certificate for one odd one
    (an encoded default, an empty list), as several national certificates have. ValueError for broken DER.
    """
    ((_, body),) = _elements(tbs_certificate)
    lists = [content for tag, content in _elements(body) if tag == _EXTENSIONS]
    return frozenset(oid for sequence in lists for oid in _purposes(sequence))


def _purposes(extensions: bytes) -> Iterator[str]:
    ((_, sequence),) = _elements(extensions)
    for _, extension in _elements(sequence):
        fields = list(_elements(extension))
        if fields[0] == (_OBJECT_IDENTIFIER, _encoded(_EXTENDED_KEY_USAGE)) and fields[-1][0] == _OCTETS:
            ((_, listed),) = _elements(fields[-1][1])
            yield from (_dotted(oid) for tag, oid in _elements(listed) if tag == _OBJECT_IDENTIFIER)


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each DER element (X.690 §8.1) that stands in `der`, one after the other."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], int.from_bytes(der[at + 1 : at + 2]), at + 2
        if length >= 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size]), at + size
        if at + length > len(der):
            raise ValueError("an element is longer than its parent")
        yield tag, der[at : at + length]
        at += length


def _dotted(encoded: bytes) -> str:
    """Write an encoded object identifier (X.690 §8.19) with dots."""
    arcs, value = [], 0
    for byte in encoded:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            arcs.append(value)
            value = 0
    top = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(str(arc) for arc in (top, arcs[0] - 40 * top, *arcs[1:])) if arcs else ""


def _encoded(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return bytes([40 * first + second, *rest])  # enough for 2.5.29.*, whose arcs are all below 128
