"""How rows become jobs."""

from __future__ import annotations

import pytest

from engine.clouds import clouds
from engine.clouds.alibaba import Trigger
from engine.clouds.huawei import Push
from engine.errors import InputError
from engine.model import Job

DIRECTORY = Trigger("gw-1", "NFSa", "/b c/ü")


def plan(*rows: Trigger | Push, accounts: tuple[str, ...] = ("gateways",)) -> list[Job]:
    cloud = clouds()["alibaba" if isinstance(rows[0], Trigger) else "huawei"]
    planned = cloud.plan(rows, accounts, 10)
    for _, error in planned.rejected:
        raise error
    return planned.jobs


def test_keys_are_those_of_backlogs_that_are_there() -> None:
    """Another key for the same work would do it again."""
    assert [job.key.hex() for job in plan(DIRECTORY)] == ["8e554c68552bd64ad9bd6fb4a86575ba"]
    pushes = plan(Push("a/b c", "7"), Push("ü+", "7"), accounts=("buckets",))
    assert [job.key.hex() for job in pushes] == ["186aedc82f1256819b62c349e8eeeb23"]


def test_what_belongs_to_the_default_account_is_its_own_job_at_each() -> None:
    (first,), (second,) = plan(DIRECTORY), plan(DIRECTORY, accounts=("others",))
    assert (first.target.account, second.target.account) == ("gateways", "others")
    assert first.key != second.key


def test_an_account_that_is_not_known_any_more_is_refused() -> None:
    row = DIRECTORY._replace(account="second")
    assert plan(row, accounts=("gateways", "second"))
    with pytest.raises(InputError, match="no account is called 'second'; there is gateways"):
        plan(row)


@pytest.mark.parametrize("path", ["..", "../a", "/a/..", "/a/../b", r"a\..\b", r"/a\.."])
def test_no_path_climbs_out_of_its_share(path: str) -> None:
    with pytest.raises(InputError, match=r"climbs out of its share with \.\."):
        plan(DIRECTORY._replace(path=path))


@pytest.mark.parametrize("path", ["/...", "/a..", "/..a/b", "/a..b"])
def test_dots_in_a_name_climb_nowhere(path: str) -> None:
    (job,) = plan(DIRECTORY._replace(path=path))
    assert clouds()["alibaba"].rows(job) == (DIRECTORY._replace(path=path, account="gateways"),)
