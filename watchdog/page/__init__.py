"""The status page: what goes on, for whoever looks with a browser, and what they may do about it."""
