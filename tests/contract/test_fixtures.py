"""The committed fixtures are what their generators make, and the stand-in signs as the SDK does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hubspot.utils.signature import Signature

from tests.sandbox.hubspot import signing

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.mark.parametrize("script", ["make_signatures.py", "make_invocations.py"])
def test_the_fixtures_are_current(script: str) -> None:
    outcome = subprocess.run([sys.executable, FIXTURES / script, "--check"], capture_output=True, text=True,
                             check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_stand_in_signs_as_hubspots_sdk(version: str) -> None:
    body, url, millis = '[{"name":"Müller"}]', "https://q2c.example.com/v1/webhooks/hubspot-main", "1764000000123"
    made = signing.headers([version], "secret", url, body.encode(), millis)
    expected = Signature.get_signature("secret", body, version, url, "POST", millis)
    assert made["X-HubSpot-Signature-v3" if version == "v3" else "X-HubSpot-Signature"] == expected
