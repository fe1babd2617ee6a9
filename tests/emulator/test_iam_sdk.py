"""Huawei Cloud IAM through the vendor's SDK, and the OMS SDK looking its project up there."""

from __future__ import annotations

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkiam.v3 import KeystoneListProjectsRequest
from huaweicloudsdkoms.v2 import CreateSyncTaskReq, CreateSyncTaskRequest, OmsClient
from huaweicloudsdkoms.v2.region.oms_region import OmsRegion

from engine.emulator import AccessKey, EmulatorProcess

from .sdks import Iam, VendorError
from .signed import SYNC_TASK


def test_iam_finds_the_project_of_a_region(process: EmulatorProcess, key: AccessKey) -> None:
    call = Iam(process.iam, key, asynchronous=False)
    (project,) = call("keystone_list_projects", KeystoneListProjectsRequest(name="cn-north-4")).projects
    assert (project.name, project.enabled, len(project.id)) == ("cn-north-4", True, 32)
    (again,) = call("keystone_list_projects", KeystoneListProjectsRequest(name="cn-north-4")).projects
    assert again.id == project.id
    assert call("keystone_list_projects", KeystoneListProjectsRequest(name="no region")).projects == []


def test_the_sdk_finds_its_project_by_itself(
    process: EmulatorProcess, key: AccessKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", process.iam)
    monkeypatch.setattr(OmsRegion.value_of("cn-north-4"), "_endpoints", [process.huawei])
    credentials = BasicCredentials(key.access_key_id, key.secret)
    region = OmsRegion.value_of("cn-north-4")
    client = OmsClient.new_builder().with_credentials(credentials).with_region(region).build()
    assert client.create_sync_task(CreateSyncTaskRequest(CreateSyncTaskReq(**SYNC_TASK))).sync_task_id


def test_iam_refuses_a_wrong_secret(process: EmulatorProcess, key: AccessKey) -> None:
    with pytest.raises(VendorError) as refused:
        Iam(process.iam, AccessKey(key.access_key_id, "wrong"), asynchronous=False)(
            "keystone_list_projects", KeystoneListProjectsRequest(name="cn-north-4")
        )
    assert (refused.value.code, refused.value.status) == ("APIGW.0301", 401)
