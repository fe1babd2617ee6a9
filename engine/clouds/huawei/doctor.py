"""What OMS and IAM are asked about an account, and what their answers say.

The permissions are those of the operations' own pages, and of https://support.huaweicloud.com/api-oms/oms_api_8003.html.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from engine.clouds.examination import Finding, Probe, Status
from engine.clouds.huawei.projects import KeystoneListProjects, Project
from engine.clouds.huawei.statistics import ListSyncTaskStatistic
from engine.clouds.huawei.sync_tasks import ListSyncTasks, ShowSyncTask, SyncTasks
from engine.errors import QuotaError, UnauthorizedError
from engine.model import Account

MOST_SYNC_TASKS = 5  # of a tenant: https://support.huaweicloud.com/api-oms/CreateSyncTask.html
WITH_SYNC_TASKS = ("cn-north-4", "cn-east-3", "cn-southwest-2")  # .../api-oms/StartSyncTask.html
HOUR_MS = 3_600_000
# Refused whoever asks for whatever: authentication failed (0068, 1005, APIG), or the account is restricted, frozen or
# not yet verified (0201 to 0204).
NOBODY = {"OMS.0068", "OMS.1005", "OMS.0201", "OMS.0202", "OMS.0203", "OMS.0204", "APIG.0502", "APIG.1009"}


class OmsExamination:
    permissions: Mapping[str, str] = {
        "KeystoneListProjects": "iam:projects:listProjects",
        "ListSyncTasks": "oms:synctask:list",
        "ShowSyncTask": "oms:synctask:get",
        "ListSyncTaskStatistic": "oms:synctask:statistics",
        "CreateSyncEvents": "oms:synctask:createEvent",
        "CreateSyncTask": "oms:synctask:create",
        "StartSyncTask": "oms:synctask:update",
        "StopSyncTask": "oms:synctask:update",
        "DeleteSyncTask": "oms:synctask:delete",
    }
    changes: Collection[str] = frozenset(
        {"CreateSyncEvents", "CreateSyncTask", "StartSyncTask", "StopSyncTask", "DeleteSyncTask"}
    )

    def probes(self, account: Account, now: float) -> Sequence[Probe]:
        return [
            Probe(
                ListSyncTasks(limit=100), partial(_sync_tasks, account.region), partial(_of_sync_tasks, int(now * 1000))
            ),
            Probe(KeystoneListProjects(account.region or None), _domain, needed=False),
        ]

    def forbids(self, error: UnauthorizedError) -> bool:
        return error.status != 401 and error.code not in NOBODY


def _sync_tasks(region: str, found: SyncTasks) -> Sequence[Finding]:
    used = len(found.tasks) if found.count is None else found.count
    states = Counter(task.status or "in no state" for task in found.tasks)
    seen = ", ".join([f"{used}", *(f"{number} {state}" for state, number in states.items())])
    tasks = Finding("sync tasks", Status.OK, seen, facts={"total": used, "states": dict(states)})
    return [*([_region(region)] if region else []), tasks, _quota(used)]


def _region(region: str) -> Finding:
    if region in WITH_SYNC_TASKS:
        return Finding("region", Status.OK, f"{region} has sync tasks")
    seen = f"{region} is not documented to have sync tasks"
    return Finding("region", Status.WARN, seen, f"use one that is: {', '.join(WITH_SYNC_TASKS)}")


def _quota(used: int) -> Finding:
    facts = {"quota": "sync tasks", "used": used, "limit": MOST_SYNC_TASKS}
    if used < MOST_SYNC_TASKS:
        seen = f"{used} of {MOST_SYNC_TASKS} in use; those of your other projects count, too, and are not seen here"
        return Finding("quota", Status.OK, seen, subject="sync tasks", facts=facts)
    seen = f"all {MOST_SYNC_TASKS} that a tenant can have are in use: no other can be created"
    advice = "delete one that is not needed: syncmux sync-task list, then syncmux sync-task delete ID --stop"
    return Finding("quota", Status.FAIL, seen, advice, "sync tasks", facts, QuotaError(seen, sent=False))


def _of_sync_tasks(now_ms: int, found: SyncTasks) -> Sequence[Probe]:
    return [
        probe
        for task in found.tasks[:1]
        for probe in (
            Probe(ShowSyncTask(task.sync_task_id, now_ms)),
            Probe(
                ListSyncTaskStatistic(task.sync_task_id, ["REQUEST"], now_ms - HOUR_MS, now_ms),
                needed=False,
            ),
        )
    ]


def _domain(found: Sequence[Project]) -> Sequence[Finding]:
    domains = sorted({project.domain_id for project in found if project.domain_id})
    seen = f"account (domain) {', '.join(domains)}"
    return [Finding("identity", Status.OK, seen, subject="domain_id", facts={"domain_ids": domains})] if domains else []
