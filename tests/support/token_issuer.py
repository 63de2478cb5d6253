"""An issuer of OIDC tokens: RS256 keys, signed tokens with any claims, and an HTTP server with the keys."""

from __future__ import annotations

import base64
import datetime
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Issuer", "Key", "signed"]


class Key:
    """A private key with its certificate, as Google publishes its own."""

    def __init__(self, key_id: str) -> None:
        self.id = key_id
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, text: bytes) -> bytes:
        """The signature that RS256 makes."""
        return self._private.sign(text, padding.PKCS1v15(), hashes.SHA256())

    def certificate(self) -> str:
        """A certificate of its own making, in PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.id)])
        began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._private.public_key())
            .serial_number(7)
            .not_valid_before(began)
            .not_valid_after(began + datetime.timedelta(days=10))
            .sign(self._private, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()


def signed(key: Key, claims: dict[str, Any], **header: Any) -> str:
    """A token; header: what is to stand in its header instead of the usual."""
    head = {"alg": "RS256", "typ": "JWT", "kid": key.id} | header
    parts = [_encoded(json.dumps(part).encode()) for part in (head, claims)]
    text = ".".join(parts)
    return f"{text}.{_encoded(key.sign(text.encode()))}"


def _encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


class Issuer:
    """Serves keys on loopback while the block lasts. down: answers 503. asked: how often it was asked."""

    def __init__(self) -> None:
        self.keys = [Key("key1")]
        self.down = False
        self.asked = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                body = json.dumps({key.id: key.certificate() for key in issuer.keys}).encode()
                self.send_response(503 if issuer.down else 200)
                self.send_header("Cache-Control", "public, max-age=600")
                self.end_headers()
                self.wfile.write(b"{}" if issuer.down else body)

            def log_message(self, *_: Any) -> None:
                """Override: quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/certs"

    def token(self, audience: str, account: str, **claims: Any) -> str:
        """A token as Cloud Scheduler would send it; claims: what is to be different; None takes a claim away."""
        now = int(time.time())
        usual = {
            "iss": "https://accounts.google.com",
            "aud": audience,
            "email": account,
            "email_verified": True,
            "sub": "117",
            "azp": "117",
            "iat": now,
            "exp": now + 3600,
        }
        wanted = {name: value for name, value in (usual | claims).items() if value is not None}
        return signed(self.keys[0], wanted)

    def __enter__(self) -> Issuer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
