"""What the documentation says of inventory reports holds."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import orjson
import pytest

from engine.daemon.sources.manifests import Change, events
from engine.errors import InputError
from engine.rows import Manifest

DOCUMENT = Path(__file__).parents[2] / "docs" / "sources.md"
PART = """\
"camera","in%2Fa+b%2Bc%20d%25.jpg","","true","false","12","Standard","2026-01-01T00-00-00Z","AB"
"camera","in%2F%E7%8C%AB%2C%22x%22%0Ay.jpg","","true","false","1","Standard","2026-01-01T00-00-00Z","AB"
"""
REPORT = {
    "creationTimestamp": "1767225600", "destinationBucket": "reports", "fileFormat": "CSV",
    "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, StorageClass, LastModifiedDate, ETag",
    "files": [{"MD5checksum": "AB", "key": "camera/data/1.csv.gz", "size": 1}], "sourceBucket": "camera",
    "version": "2019-09-01",
}  # fmt: skip


def read(path: Path) -> tuple[list[str], list[str]]:
    """The keys that a spool would take, and why it would not take others."""
    keys, reasons = [], []
    for chunk in Manifest(path, Change, {"bucket": ""}, 1000).chunks(None):
        taken, _, rejected = events(chunk, path.name)
        keys += [event.key for event in taken]
        reasons += [each.reason for each in rejected]
    return keys, reasons


@pytest.mark.parametrize("compressed", [True, False])
def test_a_part_becomes_a_manifest(tmp_path: Path, compressed: bool) -> None:
    (command,) = re.findall(r"```sh\n(set -o pipefail\n.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "part.csv.gz").write_bytes(gzip.compress(PART.encode()) if compressed else PART.encode())
    (tmp_path / "spool").mkdir()
    subprocess.run(["/bin/bash", "-c", command], cwd=tmp_path, check=True)
    (made,) = (tmp_path / "spool").iterdir()
    assert read(made) == (["in/a b+c d%.jpg", 'in/猫,"x"\ny.jpg'], [])


def test_a_report_is_no_manifest(tmp_path: Path) -> None:
    report = tmp_path / "manifest.json"
    report.write_bytes(orjson.dumps(REPORT))
    taken, (why,) = read(report)
    assert (taken, "unknown" in why) == ([], True)
    report.write_bytes(orjson.dumps(REPORT, option=orjson.OPT_INDENT_2))
    with pytest.raises(InputError):
        read(report)
