"""Files with secrets: who may have them, and what may stand in their place."""

from __future__ import annotations

import os
from errno import EACCES, EIO, EMFILE, ENFILE, ENOMEM, EROFS, ESTALE
from pathlib import Path

import pytest

from engine.credentials import private_file
from engine.errors import CredentialsError, CredentialsNotReadyError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a file"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_ones_own_is_read_whole(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert private_file.read(str(path)) == b"secret"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
def test_a_file_that_is_open_to_others_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(CredentialsError) as refused:
        private_file.read(str(path))
    assert str(refused.value) == f"{path} is open to other users (mode {mode:04o}); run: chmod 600 '{path}'"
    assert private_file.read(str(path), private=False) == b"secret"


def test_somebody_elses_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(CredentialsError, match=r"belongs to user \d+, not to you"):
        private_file.read(str(path))


def test_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(CredentialsError, match="is a symbolic link"):
        private_file.read(str(link))
    assert private_file.read(str(link), private=False) == b"secret"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "."):
        with pytest.raises(CredentialsError, match="is not a file"):
            private_file.read(str(tmp_path / name))


def test_no_file_is_no_error(path: Path) -> None:
    assert private_file.read(f"{path}.none") is None
    assert private_file.read(f"{path}/below") is None


@pytest.mark.parametrize("call", ["open", "fstat"])
@pytest.mark.parametrize(
    ("number", "passes"),
    [(number, True) for number in (ESTALE, EIO, EMFILE, ENFILE, ENOMEM)] + [(EACCES, False), (EROFS, False)],
)
def test_what_cannot_be_read_for_now_is_told_from_what_cannot_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, passes: bool
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "no luck")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(CredentialsError, match=f"cannot read {path}: no luck") as told:
            private_file.read(str(path))
    assert isinstance(told.value, CredentialsNotReadyError) == passes
    assert private_file.read(str(path)) == b"secret"


def test_a_huge_file_is_refused(path: Path) -> None:
    with path.open("ab") as file:
        file.truncate(private_file.MAX_BYTES + 1)
    with pytest.raises(CredentialsError, match="is larger than"):
        private_file.read(str(path))
