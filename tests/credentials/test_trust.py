import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gatefw.credentials import TrustStore, examine
from gatefw.credentials.certificate import key_purposes
from gatefw.errors import TrustError
from gatefw.model import Credential, Format, Instant, Reason, Refusal
from gatefw.simulation.issuer import Issuer, trust_files

JILIN, STATE = Issuer.jixiang(), Issuer.hcert()
FILES = trust_files([JILIN, STATE])
POLICY = FILES["policy.toml"].decode()
PRIVATE = JILIN.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pem(public: object) -> bytes:
    assert isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def instant(wall_utc: float, uncertainty_s: float = 0.0, *, trusted: bool = True) -> Instant:
    return Instant(mono_s=0.0, wall_utc=wall_utc, uncertainty_s=uncertainty_s, trusted=trusted)


def test_a_folder_becomes_scoped_keys_by_key_id() -> None:
    store = TrustStore.from_files(FILES)
    assert {key_id: [(key.format, key.issuer) for key in keys] for key_id, keys in store.keys.items()} == {
        JILIN.key_id: [(Format.JIXIANG, "CN-22")],
        STATE.key_id: [(Format.HCERT, "XX")],
    }


def test_names_that_other_rooms_read_may_lie_in_the_folder() -> None:
    others = dict.fromkeys(["revoked/list", "permit.cose", "staff.cose"], b"")
    assert TrustStore.from_files({**FILES, **others}) == TrustStore.from_files(FILES)


def test_a_revocation_list_that_nobody_reads_is_refused_and_not_ignored() -> None:
    with pytest.raises(TrustError, match="revoked/jixiang-1"):
        TrustStore.from_files({**FILES, "revoked/jixiang-1": b"0123456789abcdef"})


def changed(old: str, new: str) -> dict[str, bytes]:
    assert old in POLICY
    return {**FILES, "policy.toml": POLICY.replace(old, new, 1).encode()}


def with_key(content: bytes) -> dict[str, bytes]:
    return {**FILES, "issuers/jixiang-1.pem": content}


REFUSED: list[tuple[str, dict[str, bytes], str, str]] = [
    ("no policy", {k: v for k, v in FILES.items() if k != "policy.toml"}, "missing", "policy.toml"),
    ("policy that is no TOML", {**FILES, "policy.toml": b"key = ["}, "toml", "policy.toml"),
    ("policy that is no UTF-8", {**FILES, "policy.toml": b"\xff"}, "toml", "UTF-8"),
    ("no keys", {"policy.toml": b"valid_until = 2030-01-01T00:00:00Z"}, "key", "[[key]]"),
    ("no end", changed("valid_until = 2100-01-01T00:00:00+00:00", ""), "valid_until", "valid_until"),
    ("an end without offset", changed("+00:00", ""), "valid_until", "offset"),
    ("an end in text", changed("2100-01-01T00:00:00+00:00", '"2100"'), "valid_until", "valid_until"),
    ("an unknown top key", changed("valid_until", "valid_untl"), "unknown_key", "'valid_until'"),
    ("an unknown key in a row", changed("purpose", "purpos"), "unknown_key", "did you mean 'purpose'"),
    ("a row without its file", {k: v for k, v in FILES.items() if "jixiang" not in k}, "row_without_file", "jixiang-1"),
    ("a file without its row", {**FILES, "issuers/b.pem": JILIN.certificate_pem}, "file_without_row", "issuers/b.pem"),
    ("a stranger", {**FILES, "notes.txt": b""}, "unknown_file", "notes.txt"),
    ("two rows for a file", changed("issuers/hcert-2.pem", "issuers/jixiang-1.pem"), "file", "jixiang-1"),
    ("an unknown format", changed('"hcert"', '"hcrt"'), "format", "did you mean 'hcert'"),
    ("a key set without its row", {**FILES, "jwks/a.json": b"{}"}, "file_without_row", "jwks/a.json"),
    ("a certificate for a key set", changed('"hcert"', '"shc"'), "file", "jwks/"),
    ("a key set that is no JSON file", {**FILES, "jwks/a.pem": b""}, "unknown_file", "jwks/a.pem"),
    (
        "a second block that is cut short",
        with_key(JILIN.certificate_pem + JILIN.certificate_pem[:99]),
        "key_file",
        "cut",
    ),
    (
        "a second block with a stray character",
        with_key(JILIN.certificate_pem + b"-----BEGIN X-----\n!\n-----END X-----"),
        "key_file",
        "damaged",
    ),
    ("an unknown algorithm", changed("ES256", "ES255"), "alg", "ES256"),
    ("an algorithm that the format has not", changed("ES256", "PS256"), "alg", "ES256"),
    ("another purpose", changed('"credential"', '"permit"'), "purpose", "credential"),
    ("an empty issuer", changed('"CN-22"', '""'), "iss", "iss"),
    ("an issuer that is no text", changed('"CN-22"', "22"), "iss", "iss"),
    ("a private key", with_key(PRIVATE), "private_key", "issuers/jixiang-1.pem"),
    ("a private key behind a certificate", with_key(JILIN.certificate_pem + PRIVATE), "private_key", "jixiang-1"),
    ("no key", with_key(b"hello"), "key_file", "jixiang-1"),
    ("a broken key", with_key(JILIN.certificate_pem.replace(b"MII", b"MIJ", 1)), "key_file", "jixiang-1"),
    (
        "base64 that is none",
        with_key(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"),
        "key_file",
        "jixiang",
    ),
    ("two keys", with_key(JILIN.certificate_pem * 2), "several_keys", "jixiang-1"),
    ("a key of another kind", with_key(pem(ed25519.Ed25519PrivateKey.generate().public_key())), "key_kind", "jixiang"),
    (
        "a curve of another kind",
        with_key(pem(ec.derive_private_key(1, ec.SECP521R1()).public_key())),
        "key_kind",
        "jix",
    ),
    ("a huge file", with_key(bytes(300_000)), "key_file", "bytes"),
]


@pytest.mark.parametrize(("files", "code", "named"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_with_a_sentence_that_names_the_place(files: dict[str, bytes], code: str, named: str) -> None:
    with pytest.raises(TrustError) as why:
        TrustStore.from_files(files)
    assert why.value.code == code
    assert named in str(why.value)
    assert str(why.value).endswith(".")


def test_a_policy_must_name_the_algorithm_that_its_key_has() -> None:
    key = rsa.generate_private_key(65537, 2048)
    files = {**changed('alg = "ES256"', 'alg = "ES256"'), "issuers/hcert-2.pem": pem(key.public_key())}
    with pytest.raises(TrustError) as why:
        TrustStore.from_files(files)
    assert why.value.code == "alg"
    files["policy.toml"] = POLICY.replace('iss = "XX"\nalg = "ES256"', 'iss = "XX"\nalg = "PS256"').encode()
    assert len(TrustStore.from_files(files).keys) == 2


def test_certificates_alone_count_for_both_formats_and_any_issuer() -> None:
    store = TrustStore.from_certificates({"a": JILIN.certificate_pem, "b": STATE.certificate_pem})
    now = instant(1_600_000_010)
    for text in (JILIN.jx1(iat=1_600_000_000), STATE.hc1(iat=1_600_000_000, claims={1: "YY"})):
        assert isinstance(examine(text, store, now).outcome, Credential)


@pytest.mark.parametrize(
    ("now", "usable"),
    [
        (instant(1_599_999_999), True),
        (instant(1_600_000_000), False),
        (instant(1_599_999_999, 1.0), False),
        (instant(1_599_999_999, trusted=False), False),
        (instant(float("nan")), False),
        (instant(0, float("nan")), False),
    ],
)
def test_lists_count_while_the_whole_interval_lies_before_their_end(now: Instant, usable: bool) -> None:
    store = TrustStore.from_files(trust_files([JILIN], datetime.fromtimestamp(1_600_000_000, UTC)))
    assert store.usable_at(now) is usable
    assert TrustStore(keys={}, valid_until_utc=None).usable_at(now)


def test_a_code_signed_by_a_list_that_is_over_is_refused() -> None:
    store = TrustStore.from_files(trust_files([JILIN], datetime.fromtimestamp(1_600_000_000, UTC)))
    text = JILIN.jx1(iat=1_599_999_990)
    assert isinstance(examine(text, store, instant(1_599_999_999)).outcome, Credential)
    outcome = examine(text, store, instant(1_600_000_001)).outcome
    assert isinstance(outcome, Refusal)
    assert outcome.reason is Reason.UNKNOWN_ISSUER


def test_purposes_are_read_as_another_library_reads_them() -> None:
    purposes = ("1.3.6.1.4.1.1847.2021.1.2", "2.23.136.1.1.14.2", "1.3.6.1.5.5.7.3.1")
    certificate = Issuer.hcert(purposes=purposes).certificate
    read = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert key_purposes(certificate.tbs_certificate_bytes) == {oid.dotted_string for oid in read} == set(purposes)
    assert key_purposes(JILIN.certificate.tbs_certificate_bytes) == frozenset()


def as_pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(der) + b"\n-----END CERTIFICATE-----\n"


P256_OID, SM2_OID = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a811ccf5501822d")
VERSION_3, VERSION_108 = bytes.fromhex("a003020102"), bytes.fromhex("a00302016b")


@pytest.mark.parametrize(("old", "new"), [(P256_OID, SM2_OID), (VERSION_3, VERSION_108)], ids=["curve", "version"])
def test_a_certificate_that_the_library_does_not_know_is_refused_in_a_sentence(old: bytes, new: bytes) -> None:
    der = JILIN.certificate.public_bytes(Encoding.DER)
    assert old in der
    with pytest.raises(TrustError, match=r"a\.pem") as why:
        TrustStore.from_certificates({"a.pem": as_pem(der.replace(old, new, 1))})
    assert why.value.code == "key_file"


def test_a_private_key_without_its_end_is_still_one() -> None:
    with pytest.raises(TrustError) as why:
        TrustStore.from_files(with_key(JILIN.certificate_pem + PRIVATE[:60]))
    assert why.value.code == "private_key"


def test_an_rsa_certificate_given_alone_signs_no_jixiang_code() -> None:
    key = rsa.generate_private_key(65537, 2048)
    store = TrustStore.from_certificates({"a.pem": pem(key.public_key())})
    assert [[trusted.format for trusted in keys] for keys in store.keys.values()] == [[Format.HCERT]]


def test_a_key_set_with_its_row_may_lie_there_and_no_key_comes_of_it() -> None:
    row = '[[key]]\nfile = "jwks/a.json"\nformat = "shc"\niss = "https://x"\nalg = "ES256"\npurpose = "credential"\n'
    files = {**FILES, "jwks/a.json": b'{"keys": []}', "policy.toml": (POLICY + row).encode()}
    assert TrustStore.from_files(files) == TrustStore.from_files(FILES)
