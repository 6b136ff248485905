"""strongSwan's IKE daemon on a host, with a folder of its own, told what to do over vici."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.netns import Host
from tests.programs import SECONDS, program

# What an IKE_SA with certificates takes, and nothing that would answer for somebody else on this machine.
PLUGINS = (
    "random nonce openssl pem pkcs1 pkcs7 pkcs8 pkcs12 x509 revocation constraints pubkey kdf "
    "kernel-netlink socket-default vici"
)
DAEMON = """
charon-systemd {{
  load = {plugins}
  install_routes = no
  retransmit_tries = 2
  retransmit_timeout = 1.0
  journal {{
    default = -1
  }}
  filelog {{
    log {{
      path = {folder}/log
      default = 1
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = {vici}
    }}
  }}
}}
swanctl {{
  socket = {vici}
}}
"""
CONNECTION = """
connections {{
  peer {{
    version = 2
    childless = force
    local_addrs = {host.address}
    remote_addrs = {peer.address}
    local {{
      auth = pubkey
      id = {name}
    }}
    remote {{
      auth = pubkey
      id = {peer_name}
      revocation = {revocation}
    }}
  }}
}}
secrets {{
  pkcs12-identity {{
    file = identity.p12
    secret = "{password}"
  }}
}}
"""
FOLDERS = "bliss conf.d ecdsa pkcs8 pkcs12 private pubkey rsa x509 x509aa x509ac x509ca x509crl x509ocsp"


@dataclass(frozen=True)
class Identity:
    """Who a daemon is: a PKCS #12 file."""

    name: str
    pkcs12: bytes
    password: str


@dataclass(frozen=True)
class Charon:
    """A running daemon."""

    folder: Path
    environment: dict[str, str]

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self.folder / "log").read_text(errors="replace")

    def load(self) -> None:
        """Have it read its connection, its identity and its CRLs, and forget older ones."""
        self.swanctl("--flush-certs")
        said = self.swanctl("--load-all", "--noprompt")
        assert said.returncode == 0, said.stdout

    def initiate(self) -> str:
        """Have it set an IKE_SA up; what it says meanwhile."""
        return self.swanctl("--initiate", "--ike", "peer", "--timeout", "20").stdout

    def associations(self) -> str:
        """The IKE_SAs that it has."""
        return self.swanctl("--list-sas").stdout

    def swanctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("swanctl"), *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@contextmanager
def charon(
    folder: Path, host: Host, identity: Identity, peer: Host, peer_name: str, *, crls: tuple[str, ...] = ()
) -> Iterator[Charon]:
    """Run a daemon on ``host`` that knows one peer; with CRLs (PEM), it insists on their word about him."""
    for name in FOLDERS.split():
        (folder / name).mkdir(parents=True)
    vici = f"unix://{folder}/vici"
    (folder / "strongswan.conf").write_text(DAEMON.format(plugins=PLUGINS, folder=folder, vici=vici))
    (folder / "swanctl.conf").write_text(
        CONNECTION.format(
            host=host,
            peer=peer,
            name=identity.name,
            peer_name=peer_name,
            revocation="strict" if crls else "relaxed",
            password=identity.password,
        )
    )
    (folder / "pkcs12" / "identity.p12").write_bytes(identity.pkcs12)
    for number, crl in enumerate(crls):
        (folder / "x509crl" / f"{number}.pem").write_text(crl)
    environment = {"STRONGSWAN_CONF": f"{folder}/strongswan.conf", "SWANCTL_DIR": str(folder)}
    with (folder / "output").open("wb") as output:
        process = host.start([program("charon-systemd")], environment, output.fileno())
        try:
            daemon = Charon(folder, environment)
            wait_for(folder / "vici", process)
            daemon.load()
            yield daemon
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the daemon listens."""
    deadline = time.monotonic() + SECONDS
    while not socket.exists():
        assert process.poll() is None, (socket.parent / "output").read_text()
        assert time.monotonic() < deadline, "the daemon does not listen"
        time.sleep(0.02)
