import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gatefw.credentials import cose
from gatefw.credentials.rejection import RejectionError
from gatefw.credentials.trust import Algorithm, TrustedKey, TrustStore
from gatefw.model import Format, Reason

P384 = ec.derive_private_key(384, ec.SECP384R1())
P256 = ec.derive_private_key(256, ec.SECP256R1())
KID = b"12345678"


def trusted(public: object, algorithm: Algorithm = Algorithm.ES256, form: Format = Format.HCERT) -> TrustedKey:
    assert isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    return TrustedKey(
        name="x", key_id=KID, public=public, purposes=frozenset(), format=form, issuer=None, algorithm=algorithm
    )


def store(*keys: TrustedKey) -> TrustStore:
    return TrustStore(keys={KID: keys}, valid_until_utc=None)


def ecdsa(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    size = key.key_size // 8
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(size) + s.to_bytes(size)


def message(
    protected: bytes,
    unprotected: object = None,
    payload: object = b"\xa0",
    key: ec.EllipticCurvePrivateKey = P256,
    signed: bytes | None = None,
) -> list[object]:
    data = cbor2.dumps(["Signature1", protected if signed is None else signed, b"", payload])
    return [protected, {} if unprotected is None else unprotected, payload, ecdsa(key, data)]


HEADER = cbor2.dumps({1: -7, 4: KID})
GOOD = message(HEADER)
READ = {
    "tagged": cbor2.CBORTag(18, GOOD),
    "untagged": GOOD,
    "tagged twice": cbor2.CBORTag(61, cbor2.CBORTag(18, GOOD)),
    "kid unprotected": message(cbor2.dumps({1: -7}), {4: KID}),
    "all unprotected, empty bytes": message(b"", {1: -7, 4: KID}),
    "all unprotected, empty map signed as empty bytes": message(b"\xa0", {1: -7, 4: KID}, signed=b""),
    "another kid unprotected is overruled": message(HEADER, {4: b"foo"}),
    "alg after kid": message(cbor2.dumps({4: KID, 1: -7})),
    "content type": message(cbor2.dumps({1: -7, 3: 0, 4: KID})),
    "crit that is understood": message(cbor2.dumps({1: -7, 4: KID, 2: [4]})),
    "a payload longer than one byte of length": message(HEADER, payload=bytes(300)),
}
SIGNATURE = GOOD[3]
assert isinstance(SIGNATURE, bytes)
REFUSED = {
    "detached": (message(HEADER, payload=None), Reason.MALFORMED),
    "three parts": (GOOD[:3], Reason.MALFORMED),
    "five parts": ([*GOOD, b""], Reason.MALFORMED),
    "a map": ({1: 2}, Reason.MALFORMED),
    "a text": ("hello", Reason.MALFORMED),
    "COSE_Sign": (cbor2.CBORTag(98, GOOD), Reason.MALFORMED),
    "COSE_Mac0": (cbor2.CBORTag(17, GOOD), Reason.MALFORMED),
    "tag 18 twice": (cbor2.CBORTag(18, cbor2.CBORTag(18, GOOD)), Reason.MALFORMED),
    "protected is no map": (message(b"\x80"), Reason.MALFORMED),
    "protected is broken": (message(b"\xa1"), Reason.MALFORMED),
    "protected names alg twice": (message(b"\xa2\x01\x26\x01\x26"), Reason.MALFORMED),
    "kid is text": (message(cbor2.dumps({1: -7, 4: "12345678"})), Reason.MALFORMED),
    "unknown crit": (message(cbor2.dumps({1: -7, 4: KID, 2: [99], 99: 0})), Reason.UNSUPPORTED),
    "crit names what is not there": (message(cbor2.dumps({1: -7, 2: [4]}), {4: KID}), Reason.UNSUPPORTED),
    "crit is empty": (message(cbor2.dumps({1: -7, 4: KID, 2: []})), Reason.MALFORMED),
    "crit is unprotected": (message(HEADER, {2: [4]}), Reason.MALFORMED),
    "no kid": (message(cbor2.dumps({1: -7})), Reason.UNKNOWN_ISSUER),
    "unknown kid": (message(cbor2.dumps({1: -7, 4: b"foo"})), Reason.UNKNOWN_ISSUER),
    "a wrong protected kid is not healed": (message(cbor2.dumps({1: -7, 4: b"foo"}), {4: KID}), Reason.UNKNOWN_ISSUER),
    "no alg": (message(cbor2.dumps({4: KID})), Reason.ALGORITHM),
    "alg of another key": (message(cbor2.dumps({1: -37, 4: KID})), Reason.ALGORITHM),
    "alg none": (message(cbor2.dumps({1: 0, 4: KID})), Reason.ALGORITHM),
    "alg HS256": (message(cbor2.dumps({1: 5, 4: KID})), Reason.ALGORITHM),
    "alg as a number with a fraction": (message(cbor2.dumps({1: -7.0, 4: KID})), Reason.ALGORITHM),
    "signed by another key": (message(HEADER, key=ec.derive_private_key(7, ec.SECP256R1())), Reason.SIGNATURE),
    "no signature": ([*GOOD[:3], b""], Reason.SIGNATURE),
    "a signature of zeros": ([*GOOD[:3], bytes(64)], Reason.SIGNATURE),
    "a signature with a byte more": ([*GOOD[:3], SIGNATURE + b"\0"], Reason.SIGNATURE),
    "a signature with a zero before s": ([*GOOD[:3], SIGNATURE[:32] + b"\0" + SIGNATURE[32:]], Reason.SIGNATURE),
    "a signature of another curve's size": (message(HEADER, key=P384), Reason.SIGNATURE),
    "another payload": ([*GOOD[:2], b"\xa1\x01\x02", SIGNATURE], Reason.SIGNATURE),
}


@pytest.mark.parametrize("item", READ.values(), ids=READ.keys())
def test_shapes_met_in_the_wild_are_read(item: object) -> None:
    envelope = cose.open_envelope(cbor2.dumps(item))
    assert cose.find_signers(envelope, store(trusted(P256.public_key())), Format.HCERT)


@pytest.mark.parametrize(("item", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(item: object, reason: Reason) -> None:
    with pytest.raises(RejectionError) as why:
        cose.find_signers(cose.open_envelope(cbor2.dumps(item)), store(trusted(P256.public_key())), Format.HCERT)
    assert why.value.reason is reason


def test_es256_is_verified_with_a_p384_key() -> None:
    envelope = cose.open_envelope(cbor2.dumps(message(HEADER, key=P384)))
    assert cose.find_signers(envelope, store(trusted(P384.public_key())), Format.HCERT)


def test_ps256_is_verified_with_its_own_salt_length_only() -> None:
    key = rsa.generate_private_key(65537, 2048)
    header = cbor2.dumps({1: -37, 4: KID})
    data = cbor2.dumps(["Signature1", header, b"", b"\xa0"])
    trust = store(trusted(key.public_key(), Algorithm.PS256))

    def signers(salt: int, cut: int | None = None) -> int:
        signature = key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())[:cut]
        envelope = cose.open_envelope(cbor2.dumps([header, {}, b"\xa0", signature]))
        return len(cose.find_signers(envelope, trust, Format.HCERT))

    assert signers(32) == 1
    for salt, cut in ((0, None), (32, 0), (32, 255)):
        with pytest.raises(RejectionError):
            signers(salt, cut)


def test_of_keys_whose_ids_collide_the_one_that_signed_is_found() -> None:
    other = trusted(ec.derive_private_key(9, ec.SECP256R1()).public_key())
    mine = trusted(P256.public_key())
    envelope = cose.open_envelope(cbor2.dumps(GOOD))
    assert cose.find_signers(envelope, store(other, mine), Format.HCERT) == (mine,)


def test_a_key_of_another_format_does_not_count() -> None:
    envelope = cose.open_envelope(cbor2.dumps(GOOD))
    with pytest.raises(RejectionError) as why:
        cose.find_signers(envelope, store(trusted(P256.public_key(), form=Format.JIXIANG)), Format.HCERT)
    assert why.value.reason is Reason.SCOPE
