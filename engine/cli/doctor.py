"""`doctor`: how every account stands, and what to do about what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing

from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit, exit_of
from engine.cli.loop import run
from engine.cli.output import Output
from engine.clouds import clouds
from engine.clouds.examination import Finding, Status
from engine.doctor import Described, Diagnosis, described, examine
from engine.errors import ConfigError

# Of several failures, which one the exit code tells of.
GRAVEST = (Exit.CREDENTIALS, Exit.QUOTA, Exit.USAGE, Exit.ERROR)
BAD = {Status.WARN, Status.FAIL}


def doctor(everywhere: Everywhere, timeout: float) -> Exit:
    """Examine every account that is configured."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)
    if not 0.1 <= timeout <= 600:
        raise ConfigError("--timeout must be from 0.1 to 600")
    accounts = described(settings)
    if everywhere.dry_run:
        return _plan(output, accounts)

    async def examined() -> Exit:
        findings: list[Finding] = []
        async with aclosing(examine(accounts, timeout)) as diagnoses:
            async for diagnosis in diagnoses:
                _tell(output, diagnosis)
                findings += diagnosis.findings
        return _sum_up(output, findings)

    return run(examined())


def _plan(output: Output, accounts: Sequence[Described]) -> Exit:
    for one in accounts:
        examination = clouds()[one.cloud].examination if one.account else None
        calls = [name for name in examination.permissions if name not in examination.changes] if examination else []
        output.event("plan", account=one.name, cloud=one.cloud, calls=calls)
        output.result(f"{one.name}: {', '.join(calls) or (one.trouble.seen if one.trouble else 'nothing')}")
    output.result("nothing was sent")
    return Exit.DONE


def _tell(output: Output, diagnosis: Diagnosis) -> None:
    for finding in diagnosis.findings:
        output.event(
            "finding",
            account=diagnosis.account,
            cloud=diagnosis.cloud,
            check=finding.check,
            subject=finding.subject,
            status=finding.status,
            seen=finding.seen,
            advice=finding.advice,
            facts=finding.facts,
            error=type(finding.error).__name__ if finding.error else None,
        )
    shown = [finding for finding in diagnosis.findings if not output.quiet or finding.status in BAD]
    if shown:
        name = diagnosis.account
        output.result(name if name == diagnosis.cloud else f"{name} ({diagnosis.cloud})")
    for finding in shown:
        what = f"{finding.check} {finding.subject}".rstrip()
        output.result(f"  {finding.status:7}  {what}: {finding.seen}")
        if finding.advice:
            output.result(f"           -> {finding.advice}")


def _sum_up(output: Output, findings: Sequence[Finding]) -> Exit:
    number = Counter(finding.status for finding in findings)
    code = _exit(findings)
    output.event("summary", **{status.value: number[status] for status in Status}, exit=code)
    if code or not output.quiet:
        output.result(", ".join(f"{number[status]} {status}" for status in Status))
    return code


def _exit(findings: Sequence[Finding]) -> Exit:
    codes = {
        exit_of(finding.error) if finding.error else Exit.ERROR for finding in findings if finding.status is Status.FAIL
    }
    return next((code for code in GRAVEST if code in codes), Exit.DONE)
