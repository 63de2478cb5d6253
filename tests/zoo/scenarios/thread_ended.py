from __future__ import annotations

import threading
import time


def operation() -> None:
    from stage import EVERY, Sampler, Subject, _report

    sampler = Sampler()

    def begin() -> None:
        subject = Subject.here()
        sampler.watch(subject, EVERY)
        threading.Thread(target=_report, args=(sampler, subject), daemon=True).start()
        time.sleep(1.2)

    threading.Thread(target=begin).start()
    time.sleep(1000)


if __name__ == "__main__":
    operation()
