"""Real parts that tests run against: servers that keep another service's contract, emulators, proxies."""
