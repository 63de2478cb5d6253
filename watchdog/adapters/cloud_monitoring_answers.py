"""What Cloud Monitoring's errors mean, what helps against each, and which of them are none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..ports import DeliveryError

if TYPE_CHECKING:
    from google.cloud.monitoring_v3 import CreateTimeSeriesSummary

__all__ = ["AGAIN", "WHO", "Away", "Refusal", "explained"]

WHO = "cloud monitoring"
TEXT_LIMIT = 400

LOGIN = "run as a service account, set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login"
ROLE = "grant roles/monitoring.metricWriter to the service account that this process runs as"
DESCRIPTORS = "python -m watchdog doctor names the descriptors that differ from ours"
AGAIN = "the next sweep writes again"
INSTALL = "install google-cloud-monitoring, which comes with the group watchdog of pyproject.toml"

# What is said of a series for which somebody else was first, in each of the forms that the service's errors have had.
OVERLAP = re.compile(r"points? must be written in order|points? were written more frequently than", re.IGNORECASE)
SERIES = re.compile(r"timeSeries\[[\d,\s-]+\]", re.IGNORECASE)
BRACED = re.compile(r"\{[^{}]*\}")


class Away(DeliveryError):
    """The service can't be reached, or not over this connection."""


class Refusal(DeliveryError):
    """The service takes no such request, or not all of it. only_overlap: another sweep had written the rest."""

    def __init__(self, text: str, *, only_overlap: bool = False) -> None:
        self.only_overlap = only_overlap
        super().__init__(text, permanent=True)


# The name of an error's class or of one it derives from, words in its text, whether a person must act, what helps; the
# first that fits. The names stand here as text because the library is loaded at first use only.
KINDS: tuple[tuple[str, str, bool, str], ...] = (
    ("ImportError", "", True, INSTALL),
    ("Unauthenticated", "", True, LOGIN),
    ("Forbidden", "SERVICE_DISABLED|has not been used|is disabled", True, "enable monitoring.googleapis.com"),
    ("Forbidden", "", True, ROLE),
    ("NotFound", "", True, "mend the id of the project in HANGWATCH_MONITORING_PROJECT"),
    ("ResourceExhausted", "", False, f"{AGAIN}; if it lasts, look at the quotas of the Monitoring API"),
    ("GoogleAPIError", "plugin failed.*invalid_grant", True, LOGIN),
    ("GoogleAPIError", "", False, AGAIN),
    ("TransportError", "", False, AGAIN),
    ("GoogleAuthError", "", True, LOGIN),
)
HELP_WITH_REFUSALS = (
    ("metric kind|value type|unrecognized metric label", DESCRIPTORS),
    ("in the past|in the future", "the points bear the time of the store's server; compare its clock with this one's"),
)
REFUSALS = {"InvalidArgument", "FailedPrecondition", "AlreadyExists", "OutOfRange"}
AWAY = {"ServiceUnavailable", "TransportError"}

# What the libraries say about credentials may quote them, or the path that they lie at.
SECRETIVE = {"GoogleAuthError", "Unauthenticated"}


def explained(error: Exception) -> DeliveryError:
    """The error in our words, with what helps."""
    if isinstance(error, DeliveryError):
        return error
    names = {cls.__name__ for cls in type(error).__mro__}
    if names & REFUSALS:
        what = next((what for words, what in HELP_WITH_REFUSALS if re.search(words, _text(error), re.IGNORECASE)), "")
        return Refusal(_sentence(error, names, what), only_overlap=_only_overlap(error))
    permanent, what = _kind(names, str(error))
    said = _sentence(error, names, what)
    if names & AWAY and not permanent:
        return Away(said, permanent=False)
    return DeliveryError(said, permanent=permanent, maybe_delivered="GatewayTimeout" in names)


def _sentence(error: Exception, names: set[str], what: str) -> str:
    return f"{WHO}: {_said(error, names)}" + (f"; {what}" if what else "")


def _kind(names: set[str], text: str) -> tuple[bool, str]:
    for name, words, permanent, what in KINDS:
        if name in names and re.search(words, text, re.IGNORECASE | re.DOTALL):
            return permanent, what
    return True, ""


def _said(error: Exception, names: set[str]) -> str:
    text = _text(error)
    if names & SECRETIVE or "plugin failed" in text:
        return f"no valid credentials ({type(error).__name__})"
    return f"{type(error).__name__}: {' '.join(text.split())[:TEXT_LIMIT]}"


def _text(error: Exception) -> str:
    """What the error says, without what it says of overlap, which may be said 199 times before what matters."""
    pieces = _reasons(error) or _without_braces(_whole(error)).split("; ")
    return "; ".join(piece for piece in pieces if not OVERLAP.search(piece)) or _whole(error)


def _whole(error: Exception) -> str:
    return str(getattr(error, "message", None) or error)


def _only_overlap(error: Exception) -> bool:
    """Whether every series that was left out was so because a newer point, or one just as new, is there already.

    Without reasons in the details, the error's own text has to say so once for each group of series that it names.
    """
    if reasons := _reasons(error):
        return all(OVERLAP.search(reason) for reason in reasons)
    said = _without_braces(_whole(error))
    overlaps = len(OVERLAP.findall(said))
    return overlaps > 0 and overlaps == len(SERIES.findall(said))


def _reasons(error: Exception) -> list[str]:
    """Why series were left out, by the error's details; empty where those have nothing but codes."""
    reasons = [kind.status.message for summary in _summaries(error) for kind in summary.errors]
    return reasons if all(reasons) else []


def _summaries(error: Exception) -> list[CreateTimeSeriesSummary]:
    packed = [detail for detail in getattr(error, "details", None) or () if hasattr(detail, "Is")]
    if not packed:
        return []
    from google.cloud.monitoring_v3 import CreateTimeSeriesSummary

    descriptor: Any = CreateTimeSeriesSummary.pb().DESCRIPTOR
    return [CreateTimeSeriesSummary.deserialize(detail.value) for detail in packed if detail.Is(descriptor)]


def _without_braces(text: str) -> str:
    """The text without the labels that it quotes, which hold names of operations and so any words at all."""
    while (shorter := BRACED.sub("", text)) != text:
        text = shorter
    return text
