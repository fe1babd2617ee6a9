"""python -m signers sign < LIST.json: the stages of each signature, one JSON object a line."""

from __future__ import annotations

import json
import sys

from signers.vectors import stages

USAGE = """\
usage: python -m signers sign < LIST.json > STAGES.jsonl

Signs a JSON list of test vectors and writes, in the same order, one JSON object a line:
{"name", "canonical_request", "string_to_sign", "signature", "authorization"}, as the algorithm has them.
Algorithms: rpc-hmac-sha1, acs3-hmac-sha256, sdk-hmac-sha256.

A vector that cannot be signed gives {"name", "error"} and a line on stderr; the others are signed.
Exit status: 0 all signed, 2 anything else.
"""


def main(arguments: list[str]) -> int:
    if arguments in (["-h"], ["--help"]):
        sys.stdout.write(USAGE)
        return 0
    if arguments != ["sign"]:
        sys.stderr.write(USAGE)
        return 2
    try:
        vectors = json.loads(sys.stdin.buffer.read())
    except (ValueError, RecursionError) as error:
        return _reject(f"standard input is not JSON: {error}")
    if not isinstance(vectors, list):
        return _reject("standard input is not a list of vectors")
    return max([_sign(number, vector) for number, vector in enumerate(vectors, 1)], default=0)


def _sign(number: int, vector: object) -> int:
    name = vector.get("name") if isinstance(vector, dict) else None
    try:
        line, status = stages(vector), 0
    except ValueError as error:
        line, status = {"error": str(error)}, _reject(f"vector {number} ({json.dumps(name)}): {error}")
    print(json.dumps({"name": name, **line}))
    return status


def _reject(message: str) -> int:
    print(f"signers: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
