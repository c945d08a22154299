"""The shape of a tenant's configuration, as the functions read it: `infra/config/shape`, made from their types.

The other rules say in people's words what is wrong; this one finds what they leave out, such as a misspelt or missing
field, before a version is written that no function can read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from config_rules import Part

SHAPES = Path(__file__).resolve().parent / "config" / "shape"
CURRENCIES = frozenset(json.loads((SHAPES / "currencies.json").read_text(encoding="utf-8")))
"""The codes of ISO 4217 that the functions know."""


def check_shape(tenant: Part) -> None:
    """Raises ConfigError for the first value that a function could not read."""
    validator = Draft202012Validator(json.loads((SHAPES / "tenant.json").read_text(encoding="utf-8")))
    errors = sorted(validator.iter_errors(tenant.value), key=lambda error: [str(step) for step in error.absolute_path])
    for error in errors:
        place = tenant
        for step in error.absolute_path:
            place = place.items(0)[step] if isinstance(step, int) else place.at(step)
        raise place.fail(error.message)
