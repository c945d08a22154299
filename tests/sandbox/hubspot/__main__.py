"""``python -m tests.sandbox.hubspot --port N [--state DIR]``."""

from ..common.serve import main
from .app import TOKEN, build

if __name__ == "__main__":
    main("hubspot", TOKEN, build)
