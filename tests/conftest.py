"""The deployed stack, one for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .deployed.deployment import Deployment, deployed


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything, started for this session, deployed with IAM enforced, and stopped after it.

    Tests share it and keep apart by having deals of their own.
    """
    with deployed(tmp_path_factory.mktemp("instance")) as deployment:
        yield deployment
