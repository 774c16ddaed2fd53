"""A damaged file is set aside whole, a foreign one is left alone, and either is said in one sentence."""

import sqlite3
from pathlib import Path

import pytest

from gatefw.errors import StoreError
from gatefw.model import AccessEvent, EventKind, Instant, Report
from gatefw.store import Drain, Store, opening

AT = Instant(mono_s=1.0, wall_utc=1584259200.0, uncertainty_s=0.1, trusted=True)
JOB = Report(event=AccessEvent(kind=EventKind.LEFT, at=AT))


def encode(_: AccessEvent) -> bytes:
    return b"{}" * 200


def filled(path: Path) -> str:
    """A store of several pages, copied back out of its log; returns its epoch."""
    with Store.open(path, encode) as store:
        store.commit_all([JOB] * 500)
        return store.epoch


def overwrite(path: Path, offset: int) -> bytes:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * 4096)
    return path.read_bytes()


@pytest.mark.parametrize("offset", [0, 4096, 5 * 4096, 30 * 4096], ids=lambda offset: f"page {offset // 4096 + 1}")
def test_a_damaged_file_is_set_aside_and_another_epoch_begins(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "gate.db"
    epoch = filled(path)
    damaged = overwrite(path, offset)
    with Store.open(path, encode) as store:
        assert store.epoch != epoch
        assert store.quarantined[0] == tmp_path / "gate.db.damaged-1"
        assert store.quarantined[0].read_bytes() == damaged
        assert store.commit(JOB) == 1
    with Store.open(path, encode) as store:
        assert store.quarantined == ()


def test_what_was_set_aside_earlier_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "gate.db"
    for number in (1, 2):
        filled(path)
        overwrite(path, 0)
        with Store.open(path, encode) as store:
            assert store.quarantined[0].name == f"gate.db.damaged-{number}"
    assert (tmp_path / "gate.db.damaged-1").exists()


def test_a_sound_file_is_never_set_aside(tmp_path: Path) -> None:
    epoch = filled(tmp_path / "gate.db")
    with Store.open(tmp_path / "gate.db", encode) as store:
        assert (store.epoch, store.quarantined) == (epoch, ())


def test_damage_met_while_running_has_the_next_start_check_a_large_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gate.db"
    filled(path)
    monkeypatch.setattr(opening, "CHECKED_BELOW_BYTES", 0)
    for page in range(2, 12):
        overwrite(path, page * 4096)
    with Store.open(path, encode) as store:
        assert store.quarantined == ()
        with pytest.raises(StoreError, match="damaged") as met:
            for _ in range(100):
                store.commit(JOB)
                store.memory(0.0)
                store.unfinished_grants()
        assert met.value.code == "storage_corrupt"
    with Store.open(path, encode) as store:
        assert store.quarantined


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE photo (name TEXT)")
    other.close()
    with pytest.raises(StoreError, match="not a gate's store") as refused:
        Store.open(path, encode)
    assert refused.value.code == "storage_foreign"
    assert [found.name for found in tmp_path.iterdir() if "damaged" in found.name] == []


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gate.db"
    filled(path)
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(StoreError, match="update gatefw"):
        Store.open(path, encode)


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check the folder"):
        Store.open(tmp_path / "nowhere" / "gate.db", encode)
    with pytest.raises(StoreError):
        Drain(tmp_path / "nowhere" / "gate.db")
