"""``python -m tests.sandbox.kantata --port N [--state DIR]``."""

from ..common.serve import main
from .app import TOKEN, build

if __name__ == "__main__":
    main("kantata", TOKEN, build)
