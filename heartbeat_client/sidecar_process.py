"""The first lines that the helper process runs, as a script: nobody's child, and a package that loads what it needs.

Whoever waits for any child of its own, as gunicorn's master does, must not find ours: so a first process, a shell or
this one, starts the second and ends at once. `heartbeat_client/__init__.py` loads the whole library, which weighs more
than all that is needed: so the package is made by hand, and its modules load one by one.
"""

from __future__ import annotations

import os
import sys

__all__ = ["LEAVE", "STAY"]

LEAVE, STAY = "leave", "stay"


def _leave_parent() -> None:
    if os.fork():
        os._exit(0)


def _make_package() -> None:
    package = type(sys)("heartbeat_client")
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules["heartbeat_client"] = package


if __name__ == "__main__":
    if sys.argv[-1] == LEAVE:
        _leave_parent()
    _make_package()
    from heartbeat_client.sidecar_watch import main

    main(sys.argv[1:-1])
