"""A run's directory on its way between machines."""

import pytest

from folklore.study.engines.remote.parcels import Packer, Parcel, unpack

EVENTS = "train/events.out.tfevents.1.host.1.0.v2"


def write(path, **files):
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def content(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def sent(parcel):
    """A parcel as it arrives: its header is JSON, the contents follow."""
    contents = b"".join(content for _, content in parcel.files.values())
    return Parcel.of(parcel.header(), memoryview(contents))


@pytest.fixture
def there(tmp_path):
    path = tmp_path / "there"
    write(path, **{"run.json": b"{}", EVENTS: b"one", "checkpoint/epoch-000001/state.json": b"1"})
    return path


def test_directory_arrives_as_it_was(there, tmp_path):
    here = tmp_path / "here"
    unpack(sent(Packer(there).pack()), here)
    assert content(here) == content(there)


def test_only_changes_are_sent(there, tmp_path):
    here, packer = tmp_path / "here", Packer(there)
    unpack(sent(packer.pack()), here)
    with (there / EVENTS).open("ab") as file:
        file.write(b" two")
    write(there, **{"checkpoint/epoch-000002/state.json": b"2", "best.weights.h5": b"w"})
    (there / "checkpoint/epoch-000001/state.json").unlink()
    (there / "checkpoint/epoch-000001").rmdir()
    parcel = sent(packer.pack())
    assert parcel.files == {
        EVENTS: (3, b" two"), "best.weights.h5": (0, b"w"), "checkpoint/epoch-000002/state.json": (0, b"2"),
    }  # fmt: skip
    unpack(parcel, here)
    assert content(here) == content(there)
    assert packer.pack().files == {}


def test_event_file_that_was_cut_is_sent_whole(there, tmp_path):
    here, packer = tmp_path / "here", Packer(there)
    unpack(sent(packer.pack()), here)
    (there / EVENTS).write_bytes(b"on")
    unpack(sent(packer.pack()), here)
    assert content(here)[EVENTS] == b"on"


def test_finished_run_has_no_checkpoints_left(there, tmp_path):
    here, packer = tmp_path / "here", Packer(there)
    unpack(sent(packer.pack()), here)
    (there / "checkpoint/epoch-000001/state.json").unlink()
    write(there, DONE=b"done")
    unpack(sent(packer.pack()), here)
    assert not (here / "checkpoint").exists()
    assert (here / "DONE").exists()


def test_half_written_files_are_not_sent(there):
    write(there, **{".tmp-7.history.csv": b"half", "checkpoint/.tmp-7.epoch-000002/state.json": b"half"})
    assert not [name for name in Packer(there).pack().names if ".tmp-" in name]


def test_content_that_changed_on_its_way_is_refused(there):
    parcel = Packer(there).pack()
    contents = b"".join(content for _, content in parcel.files.values())
    with pytest.raises(ValueError, match="was changed on its way: its SHA-256 differs"):
        Parcel.of(parcel.header(), memoryview(contents[:-1] + b"!"))


@pytest.mark.parametrize("name", ["../other", "/etc/passwd", "a/../../b", "", "a\\b"])
def test_name_that_leads_out_of_the_directory_is_refused(name):
    with pytest.raises(ValueError, match="is not the name of a run's file"):
        sent(Parcel((name,), {}))


def test_link_is_not_followed(there, tmp_path):
    (there / "secret").symlink_to(tmp_path)
    assert "secret" not in Packer(there).pack().names


def test_part_that_does_not_continue_what_is_there_is_refused(there, tmp_path):
    here, packer = tmp_path / "here", Packer(there)
    packer.pack()
    with (there / EVENTS).open("ab") as file:
        file.write(b" two")
    with pytest.raises(ValueError, match="is shorter than the part that it was sent before"):
        unpack(sent(packer.pack()), here)


def test_disk_that_is_full_leaves_earlier_files_whole(there, tmp_path, monkeypatch):
    here, packer = tmp_path / "here", Packer(there)
    unpack(sent(packer.pack()), here)
    before = content(here)
    write(there, **{"best.weights.h5": b"w" * 10})
    monkeypatch.setattr(
        "callbacks.files._sync", lambda path: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space left"):
        unpack(sent(packer.pack()), here)
    assert content(here) == before
