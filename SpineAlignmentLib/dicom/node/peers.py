"""The archive that results go to, and the encryption of connections."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from SpineAlignmentLib.errors import ResultError

_PEER: Final = re.compile(r"(?P<title>(?! +@)[ -?A-\[\]-~]{1,16})@(?P<host>[^:@]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")
_SUCCESS: Final[int] = 0x0000
_WARNINGS: Final[range] = range(0xB000, 0xC000)
"""Stored all the same (PS3.4 B.2.3)."""
_NEVER: Final[tuple[range, ...]] = (range(0xA900, 0xAA00), range(0xC000, 0xD000), range(0x0122, 0x0123))
"""The object does not fit its class, is not understood, or its class is not supported: so it would be next time."""


@dataclass(frozen=True)
class Tls:
    """Certificates of both sides; each asks for the other's."""

    certificate: Path
    key: Path
    authority: Path
    """Whom to believe."""

    def context(self, server: bool) -> ssl.SSLContext:
        """For one side of connections.

        Raises:
            ResultError: a file that cannot be used.
        """
        purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
        try:
            context = ssl.create_default_context(purpose, cafile=str(self.authority))
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ResultError(f"TLS: {self.certificate}, {self.key}, {self.authority}: {error}") from error
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@dataclass(frozen=True)
class Peer:
    """An application entity that takes results."""

    title: str
    host: str
    port: int

    @classmethod
    def parsed(cls, text: str) -> "Peer":
        """From "TITLE@host:port".

        Raises:
            ValueError: it is none.
        """
        found = _PEER.fullmatch(text)
        if found is None or not 0 < int(found["port"]) < 65536:
            raise ValueError(f"{text!r} is not an archive such as ORTHANC@127.0.0.1:4242")
        return cls(found["title"].strip(), found["host"].strip("[]"), int(found["port"]))

    def __str__(self) -> str:
        return f"{self.title}@{self.host}:{self.port}"


class RefusedError(ResultError):
    """The archive will never take an object; others it may."""


class Sending:
    """One association with the archive; every file of a batch goes through it.

    Raises:
        ResultError: the archive is not there, or refuses.
    """

    def __init__(self, own_title: str, peer: Peer, tls: Tls | None) -> None:
        from pynetdicom import AE
        from pynetdicom.sop_class import (  # type: ignore[attr-defined]
            ComprehensiveSRStorage,
            GrayscaleSoftcopyPresentationStateStorage,
            SecondaryCaptureImageStorage,
        )

        entity = AE(ae_title=own_title)
        kinds = (ComprehensiveSRStorage, GrayscaleSoftcopyPresentationStateStorage, SecondaryCaptureImageStorage)
        for kind in kinds:
            entity.add_requested_context(kind)
        entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = 20
        self._peer = peer
        security = None if tls is None else (tls.context(server=False), peer.host)
        self._association = entity.associate(peer.host, peer.port, ae_title=peer.title, tls_args=security)
        if not self._association.is_established:
            raise ResultError(f"{peer}: not reached, or it refuses {own_title}")

    def send(self, path: Path) -> None:
        """Store one file.

        Raises:
            RefusedError: the archive does not take it, and will not later.
            ResultError: the archive did not say that it has it.
        """
        import pydicom

        data = pydicom.dcmread(path)
        contexts = {context.abstract_syntax for context in self._association.accepted_contexts}
        if self._association.is_established and data.SOPClassUID not in contexts:
            raise RefusedError(f"{self._peer}: {path.name} not taken: the archive has no {data.SOPClassUID.name}")
        status: Any = None
        try:
            status = self._association.send_c_store(data)
        except (RuntimeError, ValueError) as error:
            raise ResultError(f"{self._peer}: {path.name} not sent: {error}") from error
        code = int(status.Status) if status and "Status" in status else None
        if code is None or (code != _SUCCESS and code not in _WARNINGS):
            how = "no answer" if code is None else f"status 0x{code:04X}"
            kind = RefusedError if any(code in codes for codes in _NEVER) else ResultError
            raise kind(f"{self._peer}: {path.name} not stored: {how}")

    def close(self) -> None:
        """End the association."""
        if self._association.is_established:
            self._association.release()
