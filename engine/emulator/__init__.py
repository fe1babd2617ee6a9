"""Both clouds as a real HTTP server, for trying syncmux without an account and for testing it.

Written from the vendors' documentation, and independent of the rest of syncmux: what signs requests there
does not check them here. ``python -m engine.emulator`` runs it; `Emulator` and `EmulatorProcess` embed it.
"""

from .keys import AccessKey
from .process import EmulatorProcess
from .server import Emulator, serve

__all__ = ["AccessKey", "Emulator", "EmulatorProcess", "serve"]
