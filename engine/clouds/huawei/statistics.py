"""How a sync task has done over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from engine.clouds.constraints import Milliseconds, each, length, one_of
from engine.clouds.huawei.oms import OmsOperation, SyncTaskId, task_path
from engine.clouds.records import objects, record
from engine.clouds.replies import json_object
from engine.errors import InputError
from engine.model import Account, Call, Reply


@dataclass(frozen=True, slots=True)
class StatisticPoint:
    time_stamp: int
    """Where the interval begins, in ms since the epoch."""
    statistic_num: int


@dataclass(frozen=True, slots=True)
class StatisticData:
    data_type: str
    data: tuple[StatisticPoint, ...]


@dataclass(frozen=True, slots=True)
class SyncTaskStatistic:
    sync_task_id: str
    statistic_time_type: str | None
    """How long an interval is: FIVE_MINUTES or ONE_HOUR, as the cloud chooses. Intervals without anything may be left
    out."""
    statistic_datas: tuple[StatisticData, ...]


@dataclass(frozen=True, slots=True)
class ListSyncTaskStatistic(OmsOperation[SyncTaskStatistic]):
    """Tell how many objects (SIZE: bytes) a sync task was asked for, copied, failed to copy and skipped, by interval.

    How long a time may be asked for at once is not documented.
    Of note: OMS.1009 (`TargetError`) if there is no such task.
    https://support.huaweicloud.com/intl/en-us/api-oms/ListSyncTaskStatistic.html
    """

    sync_task_id: SyncTaskId
    data_type: Annotated[Sequence[str], each(one_of("REQUEST", "SUCCESS", "FAILURE", "SKIP", "SIZE")), length(1, 5)]
    start_time: Milliseconds
    end_time: Milliseconds

    repeatable = True

    def check(self) -> None:
        if self.end_time < self.start_time:
            raise InputError("end_time lies before start_time")

    def call(self, account: Account) -> Call:
        params = {
            "data_type": ",".join(self.data_type),
            "start_time": str(self.start_time),
            "end_time": str(self.end_time),
        }
        return Call("ListSyncTaskStatistic", "GET", f"{task_path(account, self.sync_task_id)}/statistics", params)

    def read(self, reply: Reply) -> SyncTaskStatistic:
        answer = json_object(reply)
        datas = objects(answer.get("statistic_datas"), "statistic_datas")
        return record(SyncTaskStatistic, answer, statistic_datas=tuple([_data(item) for item in datas]))


def _data(item: object) -> StatisticData:
    points = objects(item.get("data") if isinstance(item, dict) else None, "data")
    return record(StatisticData, item, data=tuple([record(StatisticPoint, point) for point in points]))
