"""Who may ask for a sweep: real RS256 tokens from an issuer on loopback, right ones and every kind of wrong one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.token_issuer import Issuer, Key, signed
from watchdog.adapters.oidc import OidcTokens
from watchdog.adapters.signing_keys import TokenError
from watchdog.ports import StoreError
from watchdog.report import SweepReport
from watchdog.sweep_requests import sweep_requests

AUDIENCE = "https://hangwatch.example"
ACCOUNT = "scheduler@p.iam.gserviceaccount.com"


class Hand:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def shared() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(shared: Issuer) -> Issuer:
    shared.down, shared.asked = False, 0
    return shared


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def tokens(issuer: Issuer, hand: Hand) -> OidcTokens:
    return OidcTokens(AUDIENCE, ACCOUNT, certs_url=issuer.address, clock=hand)


def now() -> int:
    return int(time.time())


def test_the_right_token_passes(issuer: Issuer, tokens: OidcTokens) -> None:
    """A token of the right account for the right audience is taken, by either of Google's names as issuer."""
    assert tokens.check(f"Bearer {issuer.token(AUDIENCE, ACCOUNT)}") == ACCOUNT
    assert tokens.check(f"bearer {issuer.token(AUDIENCE, ACCOUNT, iss='accounts.google.com')}") == ACCOUNT


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another_audience": ({"aud": "https://other.example"}, "another audience"),
    "no_audience": ({"aud": None}, "another audience"),
    "another_issuer": ({"iss": "https://evil.example"}, "another issuer"),
    "no_issuer": ({"iss": None}, "another issuer"),
    "another_account": ({"email": "other@p.iam.gserviceaccount.com"}, "another account"),
    "no_account": ({"email": None}, "another account"),
    "an_account_that_is_not_verified": ({"email_verified": False}, "another account"),
    "an_account_verified_in_words": ({"email_verified": "true"}, "another account"),
    "expired": ({"iat": 1000, "exp": 2000}, "has expired"),
    "no_expiry": ({"exp": None}, "until when it holds"),
    "an_expiry_in_words": ({"exp": "tomorrow"}, "no token"),
    "not_valid_yet": ({"iat": now() + 3600, "exp": now() + 7200}, "not valid yet"),
}


@pytest.mark.parametrize(("claims", "why"), WRONG.values(), ids=WRONG.keys())
def test_wrong_claims_are_refused(issuer: Issuer, tokens: OidcTokens, claims: dict[str, Any], why: str) -> None:
    """Each claim is checked, and the refusal says which, without the token."""
    token = issuer.token(AUDIENCE, ACCOUNT, **claims)
    with pytest.raises(TokenError, match=why) as refused:
        tokens.check(f"Bearer {token}")

    assert token[:20] not in str(refused.value)


@pytest.mark.parametrize(
    ("early", "taken"), [(-10, True), (-20, False)], ids=["within_the_allowance", "beyond_the_allowance"]
)
def test_two_clocks_may_differ_a_little(issuer: Issuer, tokens: OidcTokens, early: int, taken: bool) -> None:
    """A token that expired within the allowance for clocks is taken, one that expired before it is not."""
    header = f"Bearer {issuer.token(AUDIENCE, ACCOUNT, iat=now() - 100, exp=now() + early + 2)}"
    if taken:
        assert tokens.check(header) == ACCOUNT
    else:
        with pytest.raises(TokenError, match="has expired"):
            tokens.check(header)


FORGED: dict[str, tuple[str, str]] = {
    "none": ("", "expected a bearer token, got none"),
    "another_scheme": ("Basic YTpi", "expected a bearer token, got none"),
    "no_token": ("Bearer ", "expected a bearer token, got none"),
    "no_three_parts": ("Bearer a.b", "it is no token"),
    "no_base64": ("Bearer ??.??.??", "it is no token"),
    "too_long": ("Bearer " + "x" * 20_000, "expected a token of at most"),
}


@pytest.mark.parametrize(("header", "why"), FORGED.values(), ids=FORGED.keys())
def test_what_is_no_token_is_refused(tokens: OidcTokens, header: str, why: str) -> None:
    """Whatever stands in the header, it is refused and not an error."""
    with pytest.raises(TokenError, match=why):
        tokens.check(header)


def claims() -> dict[str, Any]:
    return {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "iat": now(),
        "exp": now() + 60,
    }


def test_forged_signatures_are_refused(issuer: Issuer, tokens: OidcTokens) -> None:
    """Another key, another algorithm, none, a tampered token, and a key that is not named are refused."""
    good = issuer.token(AUDIENCE, ACCOUNT)
    head, body, tail = good.split(".")
    stranger = Key(issuer.keys[0].id)
    forged = [
        signed(stranger, claims()),
        signed(Key("key9"), claims()),
        signed(issuer.keys[0], claims(), alg="none"),
        signed(issuer.keys[0], claims(), alg="HS256"),
        signed(issuer.keys[0], claims(), kid=None),
        signed(issuer.keys[0], claims(), kid=["key1"]),
        f"{head}.{body[:-4]}AAAA.{tail}",
        f"{head}.{body}.",
    ]
    for token in forged:
        with pytest.raises(TokenError):
            tokens.check(f"Bearer {token}")


def test_keys_are_fetched_once(issuer: Issuer, tokens: OidcTokens, hand: Hand) -> None:
    """Keys are kept as long as the issuer says, here 600 s."""
    header = f"Bearer {issuer.token(AUDIENCE, ACCOUNT)}"
    tokens.check(header)
    hand.now = 599
    tokens.check(header)
    kept = issuer.asked
    hand.now = 600
    tokens.check(header)

    assert (kept, issuer.asked) == (1, 2)


def test_old_keys_serve_while_new_ones_cannot_be_had(issuer: Issuer, tokens: OidcTokens, hand: Hand) -> None:
    """An outage of the issuer's page of keys does not stop the sweeps."""
    header = f"Bearer {issuer.token(AUDIENCE, ACCOUNT)}"
    tokens.check(header)
    issuer.down, hand.now = True, 10_000

    assert tokens.check(header) == ACCOUNT


def test_without_any_keys_nobody_passes(issuer: Issuer, tokens: OidcTokens) -> None:
    """Where no key can be had at all, every request is refused."""
    issuer.down = True
    with pytest.raises(TokenError, match="can't be fetched"):
        tokens.check(f"Bearer {issuer.token(AUDIENCE, ACCOUNT)}")


def test_a_new_key_is_looked_for_but_not_all_the_time(issuer: Issuer, tokens: OidcTokens, hand: Hand) -> None:
    """A token with a key that is not known makes us ask, at most once a minute."""
    tokens.check(f"Bearer {issuer.token(AUDIENCE, ACCOUNT)}")
    new = Key("key2")
    issuer.keys.append(new)
    try:
        header = f"Bearer {signed(new, claims())}"
        with pytest.raises(TokenError, match="a key that Google does not have"):
            tokens.check(header)
        hand.now = 60
        assert tokens.check(header) == ACCOUNT
        assert issuer.asked == 2
    finally:
        issuer.keys.remove(new)


class Sweeps:
    """What sweeps, counting. fails: raised instead."""

    def __init__(self) -> None:
        self.count = 0
        self.fails: Exception | None = None

    def __call__(self) -> SweepReport:
        self.count += 1
        if self.fails is not None:
            raise self.fails
        return SweepReport(datetime(2026, 1, 14, 10, tzinfo=timezone.utc), read=3)


@pytest.fixture
def sweeps() -> Sweeps:
    return Sweeps()


@pytest.fixture
def client(tokens: OidcTokens, sweeps: Sweeps) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(sweep_requests(sweeps, tokens.check))
    return app.test_client()


def asked(client: FlaskClient, token: str, slot: str = "") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} | ({"X-CloudScheduler-ScheduleTime": slot} if slot else {})
    answer = client.post("/sweep", headers=headers)
    return answer.status_code, answer.get_json()


def test_the_scheduler_gets_a_sweep(issuer: Issuer, client: FlaskClient, sweeps: Sweeps) -> None:
    """A request with the right token sweeps once, and the answer says what was done."""
    status, said = asked(client, issuer.token(AUDIENCE, ACCOUNT))

    assert (status, said["outcome"], said["read"], sweeps.count) == (200, "swept", 3, 1)


def test_nobody_else_does(
    issuer: Issuer, client: FlaskClient, sweeps: Sweeps, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong token sweeps nothing, and is logged without the token."""
    token = issuer.token("https://other.example", ACCOUNT)
    with caplog.at_level(logging.DEBUG):
        status, said = asked(client, token)

    assert (status, said["outcome"], sweeps.count) == (403, "refused", 0)
    assert "another audience" in caplog.text
    assert token[:20] not in caplog.text
    assert client.get("/sweep").status_code == 405


def test_a_slot_is_swept_once(issuer: Issuer, client: FlaskClient, sweeps: Sweeps) -> None:
    """Cloud Scheduler's second call for the same minute does nothing; one that failed may be tried again."""
    token = issuer.token(AUDIENCE, ACCOUNT)
    sweeps.fails = StoreError("firestore: away", away=True)
    failed = asked(client, token, "2026-01-14T10:00:00Z")
    sweeps.fails = None
    outcomes = [asked(client, token, slot)[1]["outcome"] for slot in ("2026-01-14T10:00:00Z",) * 2]
    outcomes += [asked(client, token, slot)[1]["outcome"] for slot in ("2026-01-14T10:01:00Z", "", "")]

    assert (failed[0], failed[1]["why"]) == (503, "firestore: away")
    assert outcomes == ["swept", "skipped", "swept", "swept", "swept"]


def test_a_defect_is_an_answer(issuer: Issuer, client: FlaskClient, sweeps: Sweeps) -> None:
    """An error that nobody expected is told by its type, and the next request is served."""
    token = issuer.token(AUDIENCE, ACCOUNT)
    sweeps.fails = RuntimeError("secret")
    status, said = asked(client, token)
    sweeps.fails = None

    assert status == 500
    assert said["why"] == "RuntimeError; this is a defect of the watchdog"
    assert asked(client, token)[0] == 200


def test_sweeps_do_not_overlap(issuer: Issuer, tokens: OidcTokens) -> None:
    """A request that comes while a sweep is under way is told so at once."""
    inner: list[tuple[int, dict[str, Any]]] = []
    token = issuer.token(AUDIENCE, ACCOUNT)

    def slow() -> SweepReport:
        inner.append(asked(app.test_client(), token))
        return SweepReport(datetime(2026, 1, 14, 10, tzinfo=timezone.utc))

    app = Flask(__name__)
    app.register_blueprint(sweep_requests(slow, tokens.check))
    status, said = asked(app.test_client(), token)

    assert (status, said["outcome"]) == (200, "swept")
    assert inner == [(200, {"outcome": "skipped", "why": "another sweep is under way"})]
