"""What the peer shows its certificate for."""

from __future__ import annotations

from router_emu.pki.peers.verdict import PeerPurpose, Reason
from tests.vectors.chains.recipe import row

SERVER, CLIENT, IKE, ANY = PeerPurpose.SERVER, PeerPurpose.CLIENT, PeerPurpose.IKE, PeerPurpose.ANY


def extended(*names: str) -> dict[str, object]:
    return {"extended_key_usage": names}


ROWS = [
    row("a server without extendedKeyUsage", purpose=SERVER),
    row("a client without extendedKeyUsage", purpose=CLIENT),
    row("an IKE peer without extendedKeyUsage", purpose=IKE),
    row("a server's certificate for a server", purpose=SERVER, leaf=extended("serverAuth")),
    row("a server's certificate for a client", Reason.PURPOSE, purpose=CLIENT, leaf=extended("serverAuth")),
    row("a client's certificate for a server", Reason.PURPOSE, purpose=SERVER, leaf=extended("clientAuth")),
    row("a client's certificate for a client", purpose=CLIENT, leaf=extended("clientAuth")),
    row("both purposes for a client", purpose=CLIENT, leaf=extended("serverAuth", "clientAuth")),
    row("any purpose for a server", purpose=SERVER, leaf=extended("any")),
    row("any purpose for an IKE peer", purpose=IKE, leaf=extended("any")),
    row("ipsecIKE for an IKE peer", purpose=IKE, leaf=extended("ipsecIKE")),
    row("iKEIntermediate for an IKE peer", purpose=IKE, leaf=extended("iKEIntermediate")),
    row("a server's certificate for an IKE peer", purpose=IKE, leaf=extended("serverAuth")),
    row("code signing for an IKE peer", Reason.PURPOSE, purpose=IKE, leaf=extended("codeSigning")),
    row("ipsecIKE for a server", Reason.PURPOSE, purpose=SERVER, leaf=extended("ipsecIKE")),
    row("code signing where nobody asks", leaf=extended("codeSigning")),
    row("a sub-CA for code signing", Reason.PURPOSE, purpose=SERVER, sub=extended("codeSigning")),
    row("a sub-CA for servers", purpose=SERVER, sub=extended("serverAuth"), leaf=extended("serverAuth")),
    row("an anchor for code signing", purpose=SERVER, root=extended("codeSigning")),
    row(
        "server-auth demanded and there",
        purpose=CLIENT,
        demanded="server-auth",
        leaf=extended("serverAuth", "clientAuth"),
    ),
    row(
        "server-auth demanded, and something else there",
        Reason.PURPOSE,
        demanded="server-auth",
        leaf=extended("clientAuth"),
    ),
    row("client-auth demanded, and no extendedKeyUsage", Reason.PURPOSE, demanded="client-auth"),
    row(
        "client-auth demanded, and any purpose there",
        Reason.PURPOSE,
        demanded="client-auth",
        leaf=extended("any"),
    ),
    row("a server without keyUsage", purpose=SERVER, leaf={"key_usage": None}),
    row(
        "an RSA server that may only encipher keys",
        purpose=SERVER,
        leaf={"kind": "rsa1024", "key_usage": ("key_encipherment",)},
    ),
    row(
        "an EC server that may only encipher keys",
        Reason.KEY_USAGE,
        purpose=SERVER,
        leaf={"key_usage": ("key_encipherment",)},
    ),
    row(
        "an RSA client that may only encipher keys",
        Reason.KEY_USAGE,
        purpose=CLIENT,
        leaf={"kind": "rsa1024", "key_usage": ("key_encipherment",)},
    ),
    row(
        "an IKE peer that may only sign what it stands to",
        purpose=IKE,
        leaf={"key_usage": ("non_repudiation",)},
    ),
    row(
        "an IKE peer that may only encipher keys",
        Reason.KEY_USAGE,
        purpose=IKE,
        leaf={"key_usage": ("key_encipherment",)},
    ),
    row(
        "a certificate that may only encipher keys, where nobody asks",
        leaf={"key_usage": ("key_encipherment",)},
    ),
    row("the anchor itself as a server", Reason.KEY_USAGE, purpose=SERVER, shown=("root",), path=("root",)),
]
