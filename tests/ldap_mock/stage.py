"""A directory in this process, over a CA that only publishes."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

from ldap_mock.app import Directory, create_management
from ldap_mock.asking import AskedCa
from ldap_mock.faults import CATALOGUE, Faults
from ldap_mock.kept import KeptCopy
from ldap_mock.messages import ResultCode
from ldap_mock.server import LdapServer
from ldap_mock.source import Source
from sceplab.clock import LabClock
from sceplab.faults import FaultBox
from sceplab.journal import Journal
from sceplab.serving import Listener
from tests.ldap_mock.published_ca import CA, PublishedCa, served
from tests.ldap_mock.wire import BASE, Client, Response, search

CRL = "certificateRevocationList"


class Stage:
    """The directory, and its faults."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.ca = PublishedCa()
        self.serving = stack.enter_context(ExitStack())
        url = self.serving.enter_context(served(self.ca))
        source = Source(stack.enter_context(closing(AskedCa(url, url))), KeptCopy(folder))
        faults = Faults(source, stack.enter_context(closing(AskedCa(url, url))))
        self.box = FaultBox(CATALOGUE)
        clock = LabClock()
        self.journal = Journal("ldap", clock)
        directory = Directory(source, faults, self.box, self.journal)
        app = create_management(directory, source, self.box, self.journal, clock)
        self.management = app.test_client()
        self.port = stack.enter_context(LdapServer(directory, Listener())).port

    def search(self) -> list[Response]:
        """The answer of a search for the CA's CRLs: its entry, and the result."""
        asked = search(1, CA, BASE, attributes=[CRL, "authorityRevocationList"])
        with Client(self.port) as client:
            return client.ask(asked)

    def crl(self) -> bytes:
        entry, result = self.search()
        assert result.code == ResultCode.SUCCESS
        return entry.attributes[CRL][0]
