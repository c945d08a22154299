"""Start MiniStack with its two artificial waits removed.

Runs in the emulator's environment; configured by MiniStack's own variables.
Without this, every call of a function costs 40 ms of delayed acknowledgements
in the Runtime API and up to 50 ms of waiting for a log line that never comes.
"""

import socketserver

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.core.lambda_runtime import Worker  # noqa: E402  (the handler classes must see the setting above)

LOG_WAIT = 0.005
_drain = Worker._drain_stderr_bounded


def _drain_soon(self, first_line_wait=LOG_WAIT, **options):
    return _drain(self, first_line_wait=min(first_line_wait, LOG_WAIT), **options)


Worker._drain_stderr_bounded = _drain_soon

if __name__ == "__main__":
    from ministack.app import main

    main()
