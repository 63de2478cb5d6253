"""`python -m watchdog`."""

from __future__ import annotations

import gc
import sys

# What libraries make while they load stays: the collector, set to look through it each 700 objects, found nothing and
# took a tenth of what loading google-cloud-firestore takes (measured).
gc.set_threshold(50_000)

from .cli import main  # noqa: E402  the collector comes first

sys.exit(main())
