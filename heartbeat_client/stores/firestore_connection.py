"""The way to Firestore: a library loaded at first use, a client made anew after trouble, errors that say what helps.

Each call passes both `timeout=` and `retry=None`. The library's own retries make a `get(timeout=5)` last 297 s when
nothing listens: its timeout bounds one attempt only.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..backend import StoreAway, StoreRefused

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.firestore import Client

__all__ = ["Connection", "Contended", "Unfit", "explained"]

T = TypeVar("T")

LOGIN = "run as a service account, set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login"
INSTALL = "install google-cloud-firestore, which comes with the extra hangwatch-client[firestore]"


class Contended(StoreRefused):
    """A precondition of a write does not hold: somebody else was first."""


class Unfit(StoreRefused):
    """The server takes no such document or query."""


# The name of an error's class or of one it derives from, words in its text, what it means, what helps; first match.
KINDS: tuple[tuple[str, str, type[Exception], str], ...] = (
    ("Unauthenticated", "", StoreRefused, LOGIN),
    ("Unauthorized", "", StoreRefused, LOGIN),
    ("Forbidden", "SERVICE_DISABLED|has not been used|is disabled", StoreRefused, "enable firestore.googleapis.com"),
    ("Forbidden", "", StoreRefused, "grant roles/datastore.user to the service account that this process runs as"),
    (
        "NotFound",
        "database .* does not exist",
        StoreRefused,
        "create the database (gcloud firestore databases create) or mend its name in HANGWATCH_STORE",
    ),
    ("FailedPrecondition", "Datastore Mode", StoreRefused, "name a database in Native mode"),
    ("FailedPrecondition", "requires an index", StoreRefused, "give the field its single-field index back"),
    ("NotFound", "", Contended, ""),
    ("AlreadyExists", "", Contended, ""),
    ("FailedPrecondition", "", Contended, ""),
    ("InvalidArgument", "", Unfit, ""),
    ("GoogleAPIError", "plugin failed.*invalid_grant", StoreRefused, LOGIN),
    ("GoogleAPIError", "", StoreAway, "it is tried again"),
    ("TransportError", "", StoreAway, "it is tried again"),
    ("GoogleAuthError", "", StoreRefused, LOGIN),
    ("OSError", "Project was not passed", StoreRefused, "set GOOGLE_CLOUD_PROJECT, or the project in HANGWATCH_STORE"),
    ("OSError", "", StoreAway, "it is tried again"),
)

# What the libraries say about credentials may quote them.
SECRETIVE = ("GoogleAuthError", "Unauthenticated", "Unauthorized")


class Connection:
    """A client of one database, for one thread at a time; a forked child makes its own.

    project None: from the environment or the credentials. database None: `(default)`.
    """

    def __init__(self, project: str | None, database: str | None) -> None:
        self._project = project
        self._database = database
        self._credentials: Credentials | None = None
        self._client: Client | None = None

    def call(self, rpc: Callable[[Client], T]) -> T:
        """The answer of an rpc, which must bring its own `timeout=` and `retry=`.

        Raises `StoreAway` or `StoreRefused`, of which `Contended` and `Unfit` are two. After any other trouble the next
        call begins with a new client: the old channel, having failed for 120 s, was measured to wait up to 65 s after
        the server was back before it tried again.
        """
        try:
            return rpc(self._opened())
        except Exception as error:  # noqa: BLE001 - the library's errors have no name until it is loaded
            trouble = explained(error, self.name)
            if not isinstance(trouble, (Contended, Unfit)):
                self._forget(trouble)
            raise trouble from None

    def open(self) -> None:
        """Load the library and the credentials, which may take a second, before a call's time begins to run."""
        self.call(lambda client: None)

    def close(self) -> None:
        """Let go of the channel; never raises."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client._firestore_api.transport.close()  # noqa: SLF001 - Client.close() leaves its channel open

    def _forget(self, trouble: Exception) -> None:
        self.close()
        if not isinstance(trouble, StoreAway):
            self._credentials = None

    def _opened(self) -> Client:
        if self._client is None:
            self._client = self._made()
        return self._client

    def _made(self) -> Client:
        try:
            from google.cloud import firestore
        except ImportError as error:
            raise StoreRefused(f"{self.name}: the library is missing ({error}); {INSTALL}") from None
        if os.environ.get("FIRESTORE_EMULATOR_HOST"):
            return firestore.Client(project=self._project, database=self._database)
        if self._credentials is None:
            import google.auth

            self._credentials, project = google.auth.default(scopes=firestore.Client.SCOPE)
            self._project = self._project or project
        return firestore.Client(project=self._project, database=self._database, credentials=self._credentials)

    @property
    def name(self) -> str:
        """Which database, for people."""
        project = self._client.project if self._client else self._project
        return f"firestore {project or 'project'}/{self._database or '(default)'}"


def explained(error: Exception, who: str) -> Exception:
    """The error in our words; one that is no library's comes back as it is."""
    names = {cls.__name__ for cls in type(error).__mro__}
    for name, words, kind, what in KINDS:
        if name in names and re.search(words, str(error), re.IGNORECASE | re.DOTALL):
            return kind(f"{who}: {_said(error, names)}" + (f"; {what}" if what else ""))
    return error


def _said(error: Exception, names: set[str]) -> str:
    text = str(getattr(error, "message", None) or error)
    if names.intersection(SECRETIVE) or "plugin failed" in text:
        return f"no valid credentials ({type(error).__name__})"
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}"
