"""Credentials: found where the vendors' tools keep them, and renewed while work goes on.

What the sources are is the clouds' business (`engine.clouds.sources`); here it is done, and kept in force. Never from
a flag: what stands in argv is everybody's.
"""

from __future__ import annotations

from engine.credentials.choice import NothingAtHandError, choose
from engine.credentials.masking import mask, mask_error, masked
from engine.credentials.renewing import Renewing, Unrenewed

__all__ = ["NothingAtHandError", "Renewing", "Unrenewed", "choose", "mask", "mask_error", "masked"]
