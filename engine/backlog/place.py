"""Whether a backlog can be kept at a path, as far as can be seen without making it."""

from __future__ import annotations

import os
from pathlib import Path


def obstacle(path: Path) -> str:
    """What stands against it; "" if nothing does. Directories that are not there are made when it is opened."""
    try:
        if path.exists():
            if not path.is_file():
                return f"{path} is no file"
            if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
                return f"{path} may not be read and written"
        directory = next(each for each in path.absolute().parents if os.path.lexists(each))
        if not directory.is_dir():
            return f"{directory} is no directory"
        if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
            return f"nothing may be made in {directory}"
    except OSError as error:
        return f"{path} cannot be used: {error.strerror}"
    return ""
