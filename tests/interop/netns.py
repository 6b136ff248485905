"""Two network namespaces and a cable between them: two hosts, on one machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.programs import program, run, without


@dataclass(frozen=True)
class Host:
    """A network namespace with one address."""

    namespace: str
    address: str

    def start(
        self, command: Sequence[str], environment: dict[str, str], output: int
    ) -> subprocess.Popen[bytes]:
        """Start a program on this host; its process is the one that is returned."""
        words = [program("ip"), "netns", "exec", self.namespace, *command]
        return subprocess.Popen(
            words,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Make two hosts that reach each other and nobody else; they are gone with the block."""
    ip = program("ip")
    hosts = [Host(f"sceplab-{os.getpid()}-{number}", f"192.0.2.{number}") for number in (1, 2)]
    with ExitStack() as stack:
        for host in hosts:
            made = subprocess.run([ip, "netns", "add", host.namespace], capture_output=True, check=False)
            if made.returncode:
                without(f"no network namespaces here: {made.stderr.decode().strip()}")
            stack.callback(run, [ip, "netns", "delete", host.namespace])
        one, other = hosts
        cable = f"cable netns {one.namespace} type veth peer name cable netns {other.namespace}"
        run([ip, "link", "add", *cable.split()])
        for host in hosts:
            at = [ip, "-netns", host.namespace]
            run([*at, "address", "add", f"{host.address}/24", "dev", "cable"])
            run([*at, "link", "set", "lo", "up"])
            run([*at, "link", "set", "cable", "up"])
        yield one, other
