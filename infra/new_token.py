"""Makes a token for a caller of the API and prints it with the entry for the callers' file.

The token is shown once and stored nowhere: the stack is given its hash alone.

    python infra/new_token.py northwind finance-app finance
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # also when imported from elsewhere

from config_rules import ConfigError, check_callers  # noqa: E402


def new_token(tenant: str, name: str) -> str:
    """A token of 256 random bits, which names its tenant and caller."""
    return f"q2c_{tenant}.{name}.{secrets.token_hex(32)}"


def caller(name: str, token: str, *roles: str) -> dict[str, object]:
    """The entry of a caller, with the hash of its token."""
    return {"name": name, "token_sha256": [hashlib.sha256(token.encode()).hexdigest()], "roles": list(roles)}


def main(arguments: list[str]) -> int:
    """Command line: tenant, name of the caller, its roles."""
    if len(arguments) < 3:
        print("usage: new_token.py TENANT NAME ROLE...", file=sys.stderr)
        return 2
    tenant, name, *roles = arguments
    token = new_token(tenant, name)
    entry = caller(name, token, *roles)
    try:
        check_callers([entry])
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"token (give it to the caller, it can't be shown again):\n{token}\n\nentry of the callers' file:")
    print(json.dumps(entry, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
