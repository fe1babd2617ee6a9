"""How the accounts stand: the clock, the way to the cloud, credentials, permissions and quotas. Nothing is changed."""

from __future__ import annotations

from engine.doctor.configured import Described, described
from engine.doctor.examiner import Diagnosis
from engine.doctor.rounds import CHECK_S, examine

__all__ = ["CHECK_S", "Described", "Diagnosis", "described", "examine"]
