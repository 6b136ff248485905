"""The web server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WebTexts:
    """What `http server ssl` tells, in the log and to its clients; all of it ours."""

    web_page: str = "{hostname}\ntrustpoint {trustpoint}\n"
    web_listening: tuple[str, str] = (
        "MGBL-HTTPS-6-LISTENING",
        "HTTPS server listens and presents the certificate of trustpoint {name}",
    )
    web_expired: tuple[str, str] = (
        "MGBL-HTTPS-4-EXPIRED",
        "HTTPS server presents the certificate of trustpoint {name}, which has expired",
    )
    web_crowded: tuple[str, str] = (
        "MGBL-HTTPS-4-CROWDED",
        "HTTPS server has {most} clients at once: for each that comes the oldest is dropped",
    )
    web_stopped: tuple[str, str] = ("MGBL-HTTPS-4-STOPPED", "HTTPS server does not listen: {why}")
