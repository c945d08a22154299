"""What is deployed locally is infra/template.yaml, but for the place of the code."""

from __future__ import annotations

import difflib

from local import build, paths


def test_every_function_of_the_template_is_packaged() -> None:
    text = paths.TEMPLATE.read_text(encoding="utf-8")
    names = build.functions()
    assert len(names) == text.count("Type: AWS::Serverless::Function")
    assert sorted(names) == sorted(path.name for path in (paths.ROOT / "functions").iterdir() if path.is_dir())


def test_only_code_and_build_instructions_differ() -> None:
    before = paths.TEMPLATE.read_text(encoding="utf-8").splitlines()
    after = build.deployable(lambda name: f"{name}.zip").splitlines()
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    known = ("Metadata:", "BuildMethod:", "BuildProperties:", "Binary:", "CodeUri:")
    assert all(line[1:].strip().startswith(known) for line in changed), changed
