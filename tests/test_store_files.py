"""Whole files: nothing outside the trust folder is read, a file is old or new, a secret is private."""

import os
from pathlib import Path

import pytest

from gatefw.errors import StoreError, TrustError
from gatefw.store import files, read_trust, replace_file, site_secret


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    (tmp_path / "trust" / "issuers").mkdir(parents=True)
    (tmp_path / "trust" / "policy.toml").write_bytes(b"policy")
    (tmp_path / "trust" / "issuers" / "a.pem").write_bytes(b"key")
    return tmp_path / "trust"


def test_a_trust_folder_is_read_by_relative_names(trust: Path) -> None:
    assert read_trust(trust) == {"issuers/a.pem": b"key", "policy.toml": b"policy"}


def test_a_link_within_the_folder_is_read(trust: Path) -> None:
    (trust / "issuers" / "b.pem").symlink_to("a.pem")
    assert read_trust(trust)["issuers/b.pem"] == b"key"


@pytest.mark.parametrize("target", ["../secret", "/etc/hostname"])
def test_a_link_out_of_the_folder_is_refused(trust: Path, target: str) -> None:
    (trust.parent / "secret").write_bytes(b"not for you")
    (trust / "link").symlink_to(target)
    with pytest.raises(TrustError, match="link leads out"):
        read_trust(trust)


def test_a_linked_folder_outside_is_refused(trust: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.pem").write_bytes(b"other")
    (trust / "jwks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrustError, match="leads out"):
        read_trust(trust)


def test_a_pipe_is_refused_and_stalls_nobody(trust: Path) -> None:
    os.mkfifo(trust / "pipe")
    with pytest.raises(TrustError, match="pipe is no regular file"):
        read_trust(trust)


@pytest.mark.parametrize("bound", ["TRUST_FILE_BYTES", "TRUST_FILES", "TRUST_TOTAL_BYTES"])
def test_the_folder_is_bounded(trust: Path, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(files, bound, 1)
    with pytest.raises(TrustError) as refused:
        read_trust(trust)
    assert refused.value.code == "trust_too_large"


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="There is no trust folder"):
        read_trust(tmp_path / "none")


def test_a_file_is_replaced_whole_and_leaves_no_rest(tmp_path: Path) -> None:
    replace_file(tmp_path / "state", b"one")
    replace_file(tmp_path / "state", b"two", 0o640)
    assert (tmp_path / "state").read_bytes() == b"two"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_failed_replacement_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_file(tmp_path / "state", b"one")

    def no_sync(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", no_sync)
    with pytest.raises(StoreError, match="can't be replaced"):
        replace_file(tmp_path / "state", b"two")
    assert (tmp_path / "state").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_the_site_secret_is_drawn_once_and_private(tmp_path: Path) -> None:
    secret = site_secret(tmp_path / "secret")
    assert len(secret) == 32 and secret == site_secret(tmp_path / "secret")
    assert secret != site_secret(tmp_path / "another")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_an_exposed_secret_is_refused(tmp_path: Path, mode: int) -> None:
    site_secret(tmp_path / "secret")
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(StoreError, match="chmod 600"):
        site_secret(tmp_path / "secret")


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    replace_file(tmp_path / "secret", b"short")
    with pytest.raises(StoreError, match="32 bytes"):
        site_secret(tmp_path / "secret")
