"""Cases that others made: EU certificates at their own clock, and COSE examples."""

import base64
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gatefw.credentials import TrustStore, cose, examine
from gatefw.credentials.certificate import key_purposes, read_pem
from gatefw.credentials.rejection import RejectionError
from gatefw.credentials.trust import Algorithm, TrustedKey
from gatefw.model import Credential, Format, Instant, Reason, Refusal

CORPORA = Path(os.environ.get("GATEFW_CORPORA") or Path(__file__).parents[3] / "shared" / "corpora")
DGC, COSE_WG = CORPORA / "dgc-testdata", CORPORA / "cose-wg"
pytestmark = pytest.mark.corpora

STEPS = (
    "EXPECTEDUNPREFIX", "EXPECTEDB45DECODE", "EXPECTEDCOMPRESSION", "EXPECTEDDECODE", "EXPECTEDVERIFY",
    "EXPECTEDEXPIRATIONCHECK", "EXPECTEDKEYUSAGE",
)  # fmt: skip
"""What a file may expect of us; its JSON schema is more than our structural minimum."""

REFUSED_ANYWAY = {
    Reason.KEY_USAGE: {f"ES/{n}" for n in (101, 102, 103, 201, 202, 203, 1001, 1002, 1003, 1501, 1502, 1503)}
    | {"LI/4"},
    Reason.NOT_YET_VALID: {f"ES/{n}" for n in (1101, 1102, 1103, 2101, 2102, 2103)}
    | {"FR/recovery_ok", "FR/test_pcr_ok", "FR/vaccin_ok", "LU/INCERT_R_DCC_Recovery", "SG/4"},
    Reason.SCHEMA: {"BG/1", "BG/2", "common/DGC1", "common/DGC2"},
}
"""Refused though the file does not ask for it: key usage, issued after the clock, not one kind of entry."""

PARSED_BY_US_ALONE = {f"FI/{number}" for number in range(1, 11)} | {"common/CO15"}
"""Certificates whose extensions another library refuses to read, though the signature is sound."""


@cache
def cases() -> dict[str, dict[str, Any]]:
    if not DGC.is_dir():
        pytest.skip(f"the test data is absent: {DGC}")
    found = {}
    for path in sorted(DGC.rglob("*.json")):
        case = json.loads(path.read_text("utf-8-sig"))
        if "PREFIX" in case and case.get("TESTCTX", {}).get("CERTIFICATE"):
            found[path.relative_to(DGC).as_posix()] = case
    return found


def pem(case: dict[str, Any]) -> bytes:
    text: str = case["TESTCTX"]["CERTIFICATE"]
    body = text.replace("-----BEGIN CERTIFICATE-----", "").replace("-----END CERTIFICATE-----", "").strip()
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()


def clock(case: dict[str, Any]) -> Instant:
    moment = datetime.fromisoformat(case["TESTCTX"]["VALIDATIONCLOCK"].strip())
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Instant(mono_s=0.0, wall_utc=moment.timestamp(), uncertainty_s=0.0, trusted=True)


def short(name: str) -> str:
    return f"{name.split('/', 1)[0]}/{Path(name).stem}"


@cache
def outcomes() -> dict[str, Credential | Refusal]:
    return {
        name: examine(case["PREFIX"], TrustStore.from_certificates({name: pem(case)}), clock(case)).outcome
        for name, case in cases().items()
    }


def expected(case: dict[str, Any]) -> bool:
    return all(case["EXPECTEDRESULTS"].get(step) is not False for step in STEPS)


def test_no_certificate_is_accepted_that_its_file_expects_to_fail() -> None:
    wrong = [name for name, got in outcomes().items() if isinstance(got, Credential) and not expected(cases()[name])]
    assert not wrong


def test_every_certificate_that_should_pass_does_but_for_the_known_classes() -> None:
    known = {name: reason for reason, names in REFUSED_ANYWAY.items() for name in names}
    refused = {
        short(name): got.reason
        for name, got in outcomes().items()
        if isinstance(got, Refusal) and expected(cases()[name])
    }
    assert {name: reason for name, reason in refused.items() if known.get(name) is not reason} == {}
    assert sum(isinstance(got, Credential) for got in outcomes().values()) >= 361


def test_certificates_with_odd_extensions_are_read() -> None:
    read = [got for name, got in outcomes().items() if short(name) in PARSED_BY_US_ALONE]
    assert read
    assert all(isinstance(got, Credential) for got in read)


def test_a_certificate_trusted_for_nothing_signs_nothing() -> None:
    nobody = TrustStore(keys={}, valid_until_utc=None)
    assert all(isinstance(examine(case["PREFIX"], nobody, clock(case)).outcome, Refusal) for case in cases().values())


def test_all_certificates_together_accept_no_code_that_its_own_would_not() -> None:
    together = TrustStore.from_certificates({name: pem(case) for name, case in cases().items()})
    for name, case in cases().items():
        got = examine(case["PREFIX"], together, clock(case)).outcome
        if isinstance(got, Credential) and isinstance(outcomes()[name], Refusal):
            raise AssertionError(name)


def purposes_elsewhere(certificate: x509.Certificate) -> set[str] | None:
    """Key purposes as another library reads them; None where it can't."""
    try:
        return {
            oid.dotted_string for oid in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        }
    except x509.ExtensionNotFound:
        return set()
    except ValueError:
        return None


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_key_purposes_are_read_as_another_library_reads_them() -> None:
    compared = 0
    for case in cases().values():
        certificate = x509.load_der_x509_certificate(x509_der(case))
        elsewhere = purposes_elsewhere(certificate)
        if elsewhere is not None:
            assert key_purposes(certificate.tbs_certificate_bytes) == elsewhere
            compared += 1
    assert compared > 300


def x509_der(case: dict[str, Any]) -> bytes:
    return base64.b64decode(b"".join(pem(case).split(b"\n")[1:-2]))


# ---------------------------------------------------------------- COSE working group


def cose_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    if not COSE_WG.is_dir():
        pytest.skip(f"the test data is absent: {COSE_WG}")
    for path in sorted(COSE_WG.rglob("*.json")):
        case = json.loads(path.read_text("utf-8"))
        if "sign0" in case["input"]:
            yield path.stem, case


def public_key(case: dict[str, Any]) -> TrustedKey:
    key = case["input"]["sign0"]["key"]
    x, y = (int.from_bytes(base64.urlsafe_b64decode(key[part] + "==")) for part in "xy")
    return TrustedKey(
        name="x", key_id=key["kid"].encode(), public=ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key(),
        purposes=frozenset(), format=Format.HCERT, issuer=None, algorithm=Algorithm.ES256,
    )  # fmt: skip


def is_true(case: dict[str, Any]) -> bool:
    key = public_key(case)
    try:
        envelope = cose.open_envelope(bytes.fromhex(case["output"]["cbor"]))
        return bool(
            cose.find_signers(envelope, TrustStore(keys={key.key_id: (key,)}, valid_until_utc=None), Format.HCERT)
        )
    except RejectionError:
        return False


def test_cose_examples_pass_and_fail_as_their_files_say() -> None:
    found = {
        name: (is_true(case), not case.get("fail", False))
        for name, case in cose_cases()
        if case["input"]["sign0"]["key"].get("crv") == "P-256" and not case["input"]["sign0"].get("external")
    }
    assert found
    assert {name: got for name, got in found.items() if got[0] is not got[1]} == {}


def test_pem_files_of_states_are_read_whole() -> None:
    assert all(len(read_pem(name, pem(case))) == 1 for name, case in cases().items())
