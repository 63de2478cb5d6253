"""How fast the clock goes for all who are compared: every limit of an ordinary life, in seconds of the zoo."""

from __future__ import annotations

from typing import Final

__all__ = ["DEADLINE", "ENDS_AFTER", "FROZEN_AFTER", "LOOK_EVERY", "MARGIN", "MINUTE", "PATIENCE", "SEED_EVERY"]

# The zoo's healthy scenarios have an opaque_after of 8 s; the usual one is 18 min, 60 % of the 30 min to the deadline.
MINUTE: Final = 8.0 / 18.0

# healthchecks' grace and Sentry's max_runtime (30 min is its default), where Hangwatch's usual deadline stands.
DEADLINE: Final = 30 * MINUTE

# hanging_threads' own default of 10 s would call every call of 10 s a hang: it gets what an opaque operation gets.
FROZEN_AFTER: Final = 18 * MINUTE

# The first user's interval of five minutes.
SEED_EVERY: Final = 5 * MINUTE

# A healthy operation ends after three quarters of what it may take, and longer than any call of it may stand.
ENDS_AFTER: Final = 0.75 * DEADLINE

LOOK_EVERY: Final = 0.25

# How long past its limit one is waited for. PATIENCE is for healthchecks, whose sendalerts looks every 2 s and tells
# one at a time; some hangs end half a minute after they began.
MARGIN: Final = 4.0
PATIENCE: Final = 15.0
