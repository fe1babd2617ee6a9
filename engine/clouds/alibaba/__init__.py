"""Alibaba Cloud Storage Gateway (`sgw`, version 2018-05-11). Its single operations are in `operations`."""

from __future__ import annotations

from engine.clouds.alibaba.cloud import CLOUD
from engine.clouds.alibaba.triggers import Trigger

__all__ = ["CLOUD", "Trigger"]
