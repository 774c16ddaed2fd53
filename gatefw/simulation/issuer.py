"""An issuer of codes for tests and the yard: keys, certificates, trust folders, and codes true and forged.

Built on `cwt`, `cbor2` and `base45`, none of which the verifying side uses, so that both can't share one bug.
Everything follows from the seed: the same seed gives the same keys, certificates and, bit for bit, codes.
"""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import base45
import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cwt import COSE
from cwt.algs.ec2 import EC2Key

from gatefw.model import Colour, Format

JX1_LIFE_S: Final = 60
HC1_LIFE_S: Final = 180 * 86_400
FOREVER: Final = datetime(2100, 1, 1, tzinfo=UTC)

_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""SEC 2, §2.4.2."""

_ISS, _SUB, _EXP, _IAT, _CTI, _HCERT = 1, 2, 4, 6, 7, -260
_COLOUR, _SCHEME, _ROLE = -65537, -65538, -65539
_ALG, _KID, _ES256 = 1, 4, -7
_COSE: Final = COSE.new(alg_auto_inclusion=False, kid_auto_inclusion=False)


class _RepeatableKey(EC2Key):  # type: ignore[misc, unused-ignore]  # cwt is not typed throughout
    """A signing key whose nonce follows from the message (RFC 6979), so that a simulation can be repeated."""

    def sign(self, msg: bytes) -> bytes:
        """Return r ‖ s over `msg`."""
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        return bytes(self._der_to_os(256, self._private_key.sign(msg, algorithm)))


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """One issuer with one P-256 key. `purposes`: dotted OIDs of the certificate's extended key usage (empty: none)."""

    format: Format
    name: str
    seed: int
    purposes: tuple[str, ...] = ()
    key_id_of: "Issuer | None" = field(default=None, repr=False)

    @classmethod
    def jixiang(cls, seed: int = 1, name: str = "CN-22") -> Self:
        """Make an issuer of Jixiang codes; `name` is the iss claim (ISO 3166-2:CN-22 is Jilin)."""
        return cls(format=Format.JIXIANG, name=name, seed=seed)

    @classmethod
    def hcert(cls, seed: int = 1, name: str = "XX", purposes: Sequence[str] = ()) -> Self:
        """Make an issuer of EU certificates; `name` is the iss claim."""
        return cls(format=Format.HCERT, name=name, seed=seed, purposes=tuple(purposes))

    def impostor(self, seed: int = 666) -> Self:
        """Return a forger: another key, the same name and key id."""
        return replace(self, seed=seed, key_id_of=self)

    # ------------------------------------------------------------ keys

    @cached_property
    def private_key(self) -> ec.EllipticCurvePrivateKey:
        """Return the key that follows from seed, format and name."""
        digest = hashlib.sha512(f"{self.format}/{self.name}/{self.seed}".encode()).digest()
        return ec.derive_private_key(int.from_bytes(digest) % (_P256_ORDER - 1) + 1, ec.SECP256R1())

    @cached_property
    def certificate(self) -> x509.Certificate:
        """Return the self-signed certificate, the same each time."""
        subject = x509.Name(
            [x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{self.name} {self.format} test {self.seed}")]
        )
        builder = x509.CertificateBuilder(issuer_name=subject, subject_name=subject)
        builder = builder.public_key(self.private_key.public_key()).serial_number(self.seed % 2**64 + 1)
        builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(FOREVER)
        if self.purposes:
            usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in self.purposes])
            builder = builder.add_extension(usage, critical=False)
        return builder.sign(self.private_key, hashes.SHA256(), ecdsa_deterministic=True)

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @cached_property
    def key_id(self) -> bytes:
        """Return the first 8 bytes of the SHA-256 of the certificate's DER (or, for a forger, its victim's)."""
        if self.key_id_of is not None:
            return self.key_id_of.key_id
        return self.certificate.fingerprint(hashes.SHA256())[:8]

    @cached_property
    def _cose_key(self) -> _RepeatableKey:
        return _RepeatableKey({**EC2Key.to_cose_key(self.private_key), 3: _ES256})

    def trust_files(self) -> dict[str, bytes]:
        """Return a trust folder that trusts this issuer alone."""
        return trust_files([self])

    def write_trust(self, folder: Path) -> None:
        """Write that trust folder."""
        write_trust(folder, [self])

    # ------------------------------------------------------------ codes

    def sign(self, payload: bytes) -> bytes:
        """Return a COSE_Sign1 (tag 18) over `payload`, alg and kid in the protected header."""
        header = {_ALG: _ES256, _KID: self.key_id}
        return bytes(_COSE.encode_and_sign(payload, self._cose_key, protected=header))

    def jx1(
        self,
        *,
        colour: Colour | str = Colour.GREEN,
        sub: bytes = bytes(16),
        iat: float,
        exp: float | None = None,
        cti: bytes | None = None,
        scheme: int = 1,
        role: str = "visitor",
        claims: Mapping[Any, Any] | None = None,
    ) -> str:
        """Return a `JX1:` code; times in Unix seconds, cut to whole ones.

        Without `exp` it lives JX1_LIFE_S; without `cti` its name follows from iss, sub and iat. `claims` overrides
        single claims, and takes those away whose value is None.
        """
        issued = int(iat)
        said = {
            _ISS: self.name, _SUB: sub, _EXP: issued + JX1_LIFE_S if exp is None else int(exp), _IAT: issued,
            _CTI: cti or hashlib.sha256(b"\0".join((self.name.encode(), sub, b"%d" % issued))).digest()[:16],
            _COLOUR: str(colour), _SCHEME: scheme, _ROLE: role,
        }  # fmt: skip
        return as_jx1(self.sign(cbor2.dumps(_overridden(said, claims))))

    def hc1(
        self,
        *,
        kind: str = "v",
        entries: list[Any] | None = None,
        family: str = "TESTER",
        given: str = "TAMARA",
        born: str = "1970-01-01",
        iat: float,
        exp: float | None = None,
        certificate: Mapping[Any, Any] | None = None,
        claims: Mapping[Any, Any] | None = None,
    ) -> str:
        """Return an `HC1:` code of one kind (v, r or t); times in Unix seconds. The names are invented.

        `certificate` overrides members of the certificate, `claims` claims; None takes a member away.
        """
        name = {"fn": family.title(), "gn": given.title(), "fnt": family, "gnt": given}
        listed = [entry(kind, self.name)] if entries is None else entries
        body = _overridden({"ver": "1.3.0", "nam": name, "dob": born, kind: listed}, certificate)
        said = {_ISS: self.name, _EXP: iat + HC1_LIFE_S if exp is None else exp, _IAT: iat, _HCERT: {1: body}}
        return as_hc1(self.sign(cbor2.dumps(_overridden(said, claims))))


def entry(kind: str, country: str, **fields: object) -> dict[str, object]:
    """Return an entry of a certificate with every field that the schema requires; `fields` overrides."""
    common = {"tg": "840539006", "co": country, "is": "Test Issuer", "ci": f"URN:UVCI:01:{country}:TEST#1"}
    own: dict[str, dict[str, object]] = {
        "v": {"vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2, "sd": 2, "dt": "2021-06-01"},
        "r": {"fr": "2021-05-01", "df": "2021-06-01", "du": "2021-11-01"},
        "t": {"tt": "LP6464-4", "sc": "2021-06-01T08:00:00Z", "tr": "260415000", "tc": "Test Centre"},
    }
    return {**common, **own[kind], **fields}


def as_jx1(message: bytes) -> str:
    """Write a COSE message as a `JX1:` text."""
    return "JX1:" + str(base45.b45encode(message), "ascii")


def as_hc1(message: bytes) -> str:
    """Write a COSE message as an `HC1:` text."""
    return "HC1:" + str(base45.b45encode(zlib.compress(message, 9)), "ascii")


# ---------------------------------------------------------------- forgeries


def message_of(text: str) -> bytes:
    """Return the COSE message within a `JX1:` or `HC1:` text."""
    body = base45.b45decode(text[4:])
    return zlib.decompress(body) if text.startswith("HC1:") else body


def with_parts(text: str, *, payload: bytes | None = None, signature: bytes | None = None) -> str:
    """Return `text` with another payload or signature in its envelope: what a forger without a key can do."""
    tag = cbor2.loads(message_of(text))
    protected, unprotected, old_payload, old_signature = tag.value
    parts = [protected, unprotected, payload or old_payload, signature or old_signature]
    message = cbor2.dumps(cbor2.CBORTag(tag.tag, parts))
    return as_hc1(message) if text.startswith("HC1:") else as_jx1(message)


def parts_of(text: str) -> tuple[bytes, bytes]:
    """Return payload and signature within a `JX1:` or `HC1:` text."""
    _, _, payload, signature = cbor2.loads(message_of(text)).value
    return payload, signature


def damaged(text: str) -> str:
    """Return `text` with one bit of its signature flipped."""
    signature = parts_of(text)[1]
    return with_parts(text, signature=signature[:-1] + bytes([signature[-1] ^ 1]))


def swapped(text: str, other: str) -> str:
    """Return `text` with the payload of `other`: a true signature over something else."""
    return with_parts(text, payload=parts_of(other)[0])


def twin(text: str) -> str:
    """Return `text` with (r, n - s) for (r, s): another code to the eye, and ECDSA takes both."""
    signature = parts_of(text)[1]
    other = _P256_ORDER - int.from_bytes(signature[32:])
    return with_parts(text, signature=signature[:32] + other.to_bytes(32))


# ---------------------------------------------------------------- trust folders


def trust_files(issuers: Sequence[Issuer], valid_until: datetime = FOREVER) -> dict[str, bytes]:
    """Return a trust folder, relative name to content, that trusts these issuers, each in its scope."""
    rows = [f"valid_until = {valid_until.isoformat()}\n"]
    files = {}
    for number, issuer in enumerate(issuers, start=1):
        name = f"issuers/{issuer.format}-{number}.pem"
        files[name] = issuer.certificate_pem
        rows.append(
            f'[[key]]\nfile = "{name}"\nformat = "{issuer.format}"\niss = "{issuer.name}"\n'
            'alg = "ES256"\npurpose = "credential"\n'
        )
    return {**files, "policy.toml": "\n".join(rows).encode()}


def write_trust(folder: Path, issuers: Sequence[Issuer], valid_until: datetime = FOREVER) -> None:
    """Write that trust folder; what is there of the same name is replaced."""
    for name, content in trust_files(issuers, valid_until).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _overridden(members: dict[Any, Any], changes: Mapping[Any, Any] | None) -> dict[Any, Any]:
    return {key: value for key, value in {**members, **(changes or {})}.items() if value is not None}
