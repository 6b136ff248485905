"""Lines of help for the trust pool, see ``help``: its commands, and the mode of its policy."""

from __future__ import annotations

_IMPORT = "crypto ca trustpool import"
_SOURCE = "http://, https://, disk0: or harddisk:"
TRUSTPOOL_COMMANDS = {
    "crypto ca trustpool": "CA certificates that come with the router, or in a bundle",
    _IMPORT: "Manual import trustpool certificates from URL",  # [Y]
    f"{_IMPORT} url": "Manual import trustpool certificates from URL",
    f"{_IMPORT} url WORD": _SOURCE,
    f"{_IMPORT} url clean": "Remove downloaded certificates in trustpool",  # [Y]
    f"{_IMPORT} url clean WORD": f"From where others are to come in their place: {_SOURCE}",
    "show crypto ca trustpool": "Display the CA certificates of the trustpool",
    "show crypto ca trustpool policy": "Display the policy of the trustpool, and when it is refreshed",
}
TRUSTPOOL = {
    "cabundle": "CA bundle parameters",
    "cabundle url": "CA bundle download parameters",  # [Y]
    "cabundle url WORD": "URL of the bundle, http:// or https://",
    "crl": "CRL options",
    "crl optional": "CRL verification as optional",
    "description": "Description for the trustpool",
    "description LINE": "Up to 80 characters",
    "vrf": "Source interface VRF",
    "vrf WORD": "Name of the VRF",
}
