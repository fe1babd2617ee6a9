"""Huawei Cloud Object Storage Migration Service (OMS, v2). Its single operations are in `operations`."""

from __future__ import annotations

from engine.clouds.huawei.cloud import CLOUD
from engine.clouds.huawei.pushes import Push

__all__ = ["CLOUD", "Push"]
