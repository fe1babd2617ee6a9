"""Every operation that is typed, for `Engine.do`. Any other goes through `Engine.call`."""

from __future__ import annotations

from engine.clouds.huawei.create_sync_task import CreateSyncTask, SourceCdn
from engine.clouds.huawei.events import CreateSyncEvents
from engine.clouds.huawei.projects import KeystoneListProjects
from engine.clouds.huawei.sign_in import KeystoneCreateUserTokenByPassword
from engine.clouds.huawei.statistics import ListSyncTaskStatistic
from engine.clouds.huawei.sync_tasks import (
    DeleteSyncTask,
    ListSyncTasks,
    ShowSyncTask,
    StartSyncTask,
    StopSyncTask,
)

__all__ = [
    "CreateSyncEvents",
    "CreateSyncTask",
    "DeleteSyncTask",
    "KeystoneCreateUserTokenByPassword",
    "KeystoneListProjects",
    "ListSyncTaskStatistic",
    "ListSyncTasks",
    "ShowSyncTask",
    "SourceCdn",
    "StartSyncTask",
    "StopSyncTask",
]
