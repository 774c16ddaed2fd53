import pytest

from gatefw.credentials import TrustStore
from gatefw.model import Instant
from gatefw.simulation.issuer import Issuer, trust_files

AT_UTC = 1_600_000_000


@pytest.fixture(scope="session")
def jilin() -> Issuer:
    return Issuer.jixiang()


@pytest.fixture(scope="session")
def state() -> Issuer:
    return Issuer.hcert()


@pytest.fixture(scope="session")
def trust(jilin: Issuer, state: Issuer) -> TrustStore:
    return TrustStore.from_files(trust_files([jilin, state]))


@pytest.fixture
def now() -> Instant:
    return Instant(mono_s=0.0, wall_utc=AT_UTC + 10.0, uncertainty_s=0.5, trusted=True)
