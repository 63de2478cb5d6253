"""Runs a command as long as another process lives, then ends it with its children: `emulator_keeper.py PID COMMAND…`.

Started by `emulators`: gcloud starts an emulator's java through a shell, and neither ends when a test run is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time


def lives(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main(owner: int, command: list[str]) -> None:
    """Print the id of the command's process group, then keep watch."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True)
    print(child.pid, flush=True)
    try:
        while child.poll() is None and lives(owner):
            time.sleep(0.25)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
