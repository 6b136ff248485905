"""The one table of routes, from which Flask's own, every check and the OpenAPI document are made."""

from __future__ import annotations

from ca_server.api import administration, ca, certificates, challenges, requests
from ca_server.api.route import Route

ROUTES: tuple[Route, ...] = (
    *requests.ROUTES,
    *certificates.ROUTES,
    *challenges.ROUTES,
    *ca.ROUTES,
    *administration.ROUTES,
)
