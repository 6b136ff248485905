"""The directory on its port: answers, faults, failures, and many clients at once."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ldap_mock import ber, connection
from ldap_mock.directory import Tree
from ldap_mock.dn import parse_dn
from ldap_mock.messages import NOTICE_OF_DISCONNECTION, ResultCode
from ldap_mock.server import DirectoryUnavailable, Injection, LdapServer
from sceplab.serving import Listener
from tests.ldap_mock import wire
from tests.ldap_mock.backend import MANAGER, PASSWORD, TestBackend, serving
from tests.ldap_mock.sample import CA, CRL, entry
from tests.ldap_mock.wire import BASE, SUB, Client

CRL_SEARCH = wire.search(9, "cn=ca-1,o=lab", BASE, attributes=["certificateRevocationList;binary"])


@pytest.fixture
def backend() -> TestBackend:
    return TestBackend()


@pytest.fixture
def server(backend) -> Iterator[LdapServer]:
    with serving(backend) as server:
        yield server


@pytest.fixture
def client(server) -> Iterator[Client]:
    with Client(server.port) as client:
        yield client


def is_served(server: LdapServer) -> bool:
    with Client(server.port) as client:
        return client.ask(CRL_SEARCH)[0].attributes == {"certificateRevocationList;binary": [CRL]}


def is_closed(client: Client) -> bool:
    """Whether nothing more comes from the server."""
    try:
        return client.socket.recv(1) == b""
    except ConnectionResetError:
        return True


def is_sent_away(client: Client) -> bool:
    """Whether the last that comes from the server is that another needs the place."""
    *_, notice = client
    return (notice.name, notice.code) == (NOTICE_OF_DISCONNECTION, ResultCode.BUSY)


def test_a_client_binds_searches_and_leaves(server, client, backend) -> None:
    assert server.url == f"ldap://127.0.0.1:{server.port}"
    assert client.ask(wire.bind(1))[-1].code == 0
    found, result = client.ask(CRL_SEARCH)
    assert found.attributes == {"certificateRevocationList;binary": [CRL]}
    assert result.code == 0
    client.send(wire.unbind(3))
    assert list(client) == []
    said = backend.wait_logged("search")
    assert said == {
        "client": "127.0.0.1",
        "base": "cn=ca-1,o=lab",
        "scope": "base",
        "filter": "(objectClass=*)",
        "attributes": ("certificateRevocationList;binary",),
        "entries": 1,
        "result": "success",
    }


def test_no_password_is_logged(client, backend) -> None:
    assert client.ask(wire.bind(1, MANAGER, PASSWORD))[-1].code == 0
    assert client.ask(wire.bind(2, MANAGER, PASSWORD + "x"))[-1].code == ResultCode.INVALID_CREDENTIALS
    assert backend.wait_logged("bind", result="invalidCredentials")["name"] == MANAGER
    assert PASSWORD not in repr(backend.events)


def test_a_directory_that_knows_nothing_says_so_and_tells_of_itself(client, backend) -> None:
    backend.failure = DirectoryUnavailable("the CA has not answered")
    (answer,) = client.ask(CRL_SEARCH)
    assert (answer.code, answer.text) == (ResultCode.UNAVAILABLE, "the CA has not answered")
    assert client.ask(wire.compare(2, "cn=ca-1,o=lab", "cn", "x"))[0].code == ResultCode.UNAVAILABLE
    assert client.ask(wire.search(3, "", BASE, attributes=["+"]))[-1].code == 0
    backend.failure = None
    assert client.ask(CRL_SEARCH)[-1].code == 0


def test_an_error_of_ours_is_an_answer_and_a_line_in_the_log(client, backend) -> None:
    backend.failure = OSError("no more files")
    (answer,) = client.ask(CRL_SEARCH)
    assert answer.code == ResultCode.OTHER
    assert "no more files" in backend.wait_logged("error")["error"]
    backend.failure = None
    assert client.ask(CRL_SEARCH)[-1].code == 0


def test_what_is_no_ldap_gets_a_notice(server, client, backend) -> None:
    client.send(b"GET / HTTP/1.0\r\n\r\n" * 1000)
    (notice,) = client
    assert notice.name == NOTICE_OF_DISCONNECTION
    assert backend.wait_logged("disconnection")["why"] == "this is not LDAP"
    assert is_served(server)


def test_a_client_that_stops_sending_gets_all_its_answers(client) -> None:
    client.send(wire.bind(1), CRL_SEARCH)
    client.socket.shutdown(socket.SHUT_WR)
    assert [each.tag for each in client] == [0x61, 0x64, 0x65]


def test_octets_that_are_no_text_do_not_come_into_the_log(client, backend) -> None:
    odd = ber.encode(0x87, b"c\xffn")
    client.ask(wire.search(1, "cn=XX", BASE, odd).replace(b"XX", b"\xff\xfe"))
    client.ask(wire.bind(2, "cn=XX", "x").replace(b"XX", b"\xff\xfe"))
    said = backend.wait_logged("search")
    assert (said["base"], said["filter"]) == ("cn=\\udcff\\udcfe", "(c\\udcffn=*)")
    assert backend.wait_logged("bind")["name"] == "cn=\\udcff\\udcfe"


def test_a_client_may_ask_much_before_it_reads(client) -> None:
    client.send(*(wire.search(number, "cn=ca-1,o=lab", BASE) for number in range(1, 5000)))
    client.socket.shutdown(socket.SHUT_WR)
    assert [each.number for each in client if each.tag == 0x65] == list(range(1, 5000))


# ------------------------------------------------------------------------------------------- faults


def test_a_fault_answers_in_place_of_a_result_and_is_named(client, backend) -> None:
    backend.faults = [
        Injection("busy", result=ResultCode.BUSY),
        Injection("referral", result=ResultCode.REFERRAL, referrals=("ldap://other/",)),
    ]
    (busy,) = client.ask(CRL_SEARCH)
    (referral,) = client.ask(CRL_SEARCH)
    assert (busy.code, busy.text) == (ResultCode.BUSY, "the lab's fault busy")
    assert referral.referrals == ("ldap://other/",)
    assert client.ask(CRL_SEARCH)[-1].code == 0
    assert backend.wait_logged("search", fault="busy")["result"] == "busy"


def test_a_fault_may_show_another_tree_and_other_names(client, backend) -> None:
    stale = Tree([entry("CN=ca-1,O=Lab", "top pkiCA", certificateRevocationList=b"stale")])
    names = {"certificateRevocationList": "authorityRevocationList"}
    backend.faults = [Injection("stale-crl", tree=stale), Injection("wrong-attribute", rename=names)]
    assert client.ask(CRL_SEARCH)[0].attributes == {"certificateRevocationList;binary": [b"stale"]}
    assert client.ask(CRL_SEARCH)[0].attributes == {"authorityRevocationList;binary": [CRL]}


def test_a_fault_may_show_an_empty_tree_even_when_nothing_is_known(client, backend) -> None:
    backend.failure = DirectoryUnavailable("the CA has not answered")
    backend.faults = [Injection("no-such-object", tree=Tree(()))]
    (answer,) = client.ask(CRL_SEARCH)
    assert answer.code == ResultCode.NO_SUCH_OBJECT


def test_a_truncated_answer_ends_in_its_middle(client, backend) -> None:
    backend.faults = [Injection("truncated", truncate=True)]
    client.send(CRL_SEARCH)
    heard = client.socket.makefile("rb").read()
    found = ber.header(heard)
    assert found
    assert len(heard) == found[2] // 2
    assert backend.wait_logged("search", fault="truncated")


def test_a_reset_connection_is_reset(client, backend) -> None:
    backend.faults = [Injection("reset", reset=True)]
    client.send(CRL_SEARCH)
    with pytest.raises(ConnectionResetError):
        client.socket.recv(1)


def test_a_slow_answer_holds_no_other_client_up(server, client, backend) -> None:
    backend.faults = [Injection("slow", delay=3600)]
    client.send(CRL_SEARCH)
    with backend.logged:
        backend.logged.wait_for(lambda: backend.asked, timeout=0.1)
    assert is_served(server)
    client.send(wire.abandon(2, 9))
    assert client.ask(wire.bind(3))[-1].number == 3  # the slow one is abandoned, and not answered
    assert backend.wait_logged("search", fault="slow")["result"] == "none"


def test_a_client_that_has_left_keeps_no_place_until_a_slow_answer(server, backend) -> None:
    backend.faults = [Injection("slow", delay=3600)]
    with Client(server.port) as client:
        client.send(CRL_SEARCH)
        with backend.logged:
            backend.logged.wait_for(lambda: backend.asked, timeout=0.1)
    assert backend.wait_logged("search", fault="slow")["result"] == "none"


def test_no_client_has_more_time_than_all(client, backend, monkeypatch) -> None:
    monkeypatch.setattr(connection, "MAX_SEARCH_SECONDS", 0.05)
    routers = (entry(f"CN=r{number},O=Lab", "top device", cn=b"r%d" % number) for number in range(20_000))
    backend.held = Tree([CA, *routers])
    asked = wire.search(1, "o=lab", SUB, f"(|{'(cn=*x*)' * 1000})", seconds=2**31 - 1)
    assert client.ask(asked)[-1].code == ResultCode.TIME_LIMIT_EXCEEDED


def test_a_line_of_the_log_has_an_end(client, backend) -> None:
    odd = b"\xff" * 3000
    request = wire.search(1, "?" * 3000, SUB, ber.encode(0x87, odd), ["?" * 3000] * 20)
    client.ask(request.replace(b"?", b"\xff"))
    client.ask(wire.bind(2, "?" * 3000).replace(b"?", b"\xff"))
    said = backend.wait_logged("search")
    assert len(said["base"]) == len(said["filter"]) == len(" ".join(said["attributes"])) == 500
    assert len(backend.wait_logged("bind")["name"]) == 500


def test_a_client_s_time_limit_is_over_before_a_slow_answer(client, backend) -> None:
    backend.faults = [Injection("slow", delay=3600)]
    started = time.monotonic()
    answers = client.ask(wire.search(1, "o=lab", SUB, "(cn=*)", seconds=1))
    assert answers[-1].code == ResultCode.TIME_LIMIT_EXCEEDED
    assert time.monotonic() - started < 10


def test_the_root_dse_and_the_schema_meet_no_fault(client, backend) -> None:
    client.ask(wire.search(1, "", BASE))
    client.ask(wire.search(2, "cn=subschema", BASE))
    assert backend.asked == 0


# ------------------------------------------------------------------------------ many, large and slow


def test_three_hundred_clients_at_once(server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port)) for _ in range(300)]
        for client in clients:
            client.send(wire.bind(1), CRL_SEARCH)
        for client in clients:
            answers = iter(client)
            assert next(answers).code == 0
            assert next(answers).attributes == {"certificateRevocationList;binary": [CRL]}


def test_the_longest_silent_client_makes_place_for_another(backend) -> None:
    with serving(backend, max_connections=3) as server, ExitStack() as stack:
        clients = []
        for _ in range(3):
            clients.append(stack.enter_context(Client(server.port)))
            assert clients[-1].ask(wire.bind(1))[-1].code == 0
        assert clients[0].ask(wire.bind(2))[-1].code == 0  # now the second is the longest silent
        assert is_served(server)
        assert is_sent_away(clients[1])
        assert clients[0].ask(wire.bind(3))[-1].code == 0


def test_of_a_crowd_the_last_are_served(backend) -> None:
    with serving(backend, max_connections=10) as server, ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port)) for _ in range(60)]
        for client in clients[-10:]:
            assert client.ask(CRL_SEARCH)[-1].code == 0
        assert all(map(is_sent_away, clients[:50]))


def test_a_client_that_reads_nothing_holds_no_other_up(backend) -> None:
    large = b"\x30" * 4_000_000
    backend.held = Tree([CA, entry("CN=large", "top pkiCA", certificateRevocationList=large)])
    with serving(backend) as server, ExitStack() as stack:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(50):
            stack.enter_context(Client(server.port)).send(wire.search(1, "cn=large", BASE))
        for _ in range(5):
            assert is_served(server)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB: not 50 times 4 MB
        with Client(server.port) as client:
            found, _ = client.ask(wire.search(1, "cn=large", BASE))
            assert found.attributes["certificateRevocationList;binary"] == [large]


def test_a_client_that_reads_nothing_loses_its_connection(backend, monkeypatch) -> None:
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.1)
    backend.held = Tree([entry("CN=large", "top pkiCA", certificateRevocationList=b"\x30" * 20_000_000)])
    with serving(backend) as server, Client(server.port) as client:
        client.send(wire.search(1, "cn=large", BASE))
        backend.wait_logged("search")  # its answer is over, for better or worse
        with pytest.raises((ConnectionResetError, AssertionError)):
            list(client)


def test_a_request_that_does_not_end_gets_a_notice(backend, monkeypatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.1)
    with serving(backend) as server, Client(server.port) as client:
        assert client.ask(wire.bind(1))[-1].code == 0
        client.send(wire.bind(2)[:-1])
        (notice,) = client
        assert (notice.name, notice.text) == (NOTICE_OF_DISCONNECTION, "the request did not come to its end")


def test_a_search_among_many_entries_holds_no_other_client_up(backend) -> None:
    routers = (entry(f"CN=r{number},O=Lab", "top device", cn=b"r%d" % number) for number in range(40_000))
    backend.held = Tree([CA, *routers])
    with serving(backend) as server, Client(server.port) as busy:
        busy.send(wire.search(1, "o=lab", SUB, f"(|{'(cn=*x*)' * 1000})"))  # a minute of work
        for _ in range(3):
            assert is_served(server)
        busy.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            busy.socket.recv(1)


def test_a_stop_ends_every_connection_and_frees_the_port(backend) -> None:
    with serving(backend) as server:
        port, client = server.port, Client(server.port)
        client.ask(wire.bind(1))
    with client:
        assert is_closed(client)
    with LdapServer(backend, Listener("127.0.0.1", port)) as again:
        assert is_served(again)
        again.stop()
    LdapServer(backend, Listener()).stop()  # without a start


def test_a_manager_whose_name_is_none_is_refused_at_once(backend) -> None:
    with Listener() as listener, pytest.raises(ValueError):
        LdapServer(backend, listener, manager=("no name", "x"))
    assert parse_dn(MANAGER)
