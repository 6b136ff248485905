"""`logging HOST`: what is sent, to whom, in what shape, and what happens when it cannot be."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router_emu import texts
from router_emu.adapters.syslog_udp import MOST_WAITING, SyslogSender
from router_emu.commands.context import Router
from router_emu.pki.attempts import Report
from router_emu.syslog import MOST_BYTES, Datagram, severity_of
from router_emu.texts import WORDINGS, Texts
from tests.router_emu.pki_lab import PASSWORD, awaited
from tests.router_emu.pki_stage import Stage, until

Story = Callable[[Stage], Awaitable[None]]
# What napalm-logs takes apart: <PRI>NUMBER: [PREFIX ]NODE:TIME: PROCESS[PID]: %MNEMONIC : TEXT
PACKET = re.compile(
    r"<(\d+)>(\d+): (?:(\S+) )?RP/0/RP0/CPU0:\w{3} [ \d]\d \d\d:\d\d:\d\d\.\d{3} UTC: \w+\[\d+\]: "
    r"%([\w-]+) : (.*)"
)


# A line of the log's name in a table of texts.
MNEMONIC = re.compile(r'"((?:SECURITY|MGBL|ROUTING|OS)-[A-Z0-9_-]+)"')


class Sent(list[Datagram]):
    """What the log would have sent; a router that has no adapter."""

    def texts(self, host: str) -> list[str]:
        return [each.data.decode() for each in self if each.host == host]


@pytest.fixture
def sent(router: Router) -> Sent:
    sent = Sent()
    router.log.send = sent.append
    return sent


def configured(screen: Any, *lines: str) -> None:
    screen("configure", *lines, "commit", "end")
    screen.router.follow_configuration(screen.now)


class TestStatements:
    def test_a_host_is_written_out_as_xr_does(self, screen: Any) -> None:
        configured(
            screen, "logg 192.0.2.9", "logging h.example sev warn po 5514", "logging 2001:DB8::1 vrf m"
        )
        assert screen("show running-config logging").text.splitlines()[1:] == [
            "logging 192.0.2.9 vrf default severity info port default",
            "logging 2001:db8::1 vrf m severity info port default",
            "logging h.example vrf default severity warning port 5514",
            "",
        ]

    def test_the_same_host_is_replaced_and_another_stays(self, screen: Any) -> None:
        configured(screen, "logging 192.0.2.9", "logging 192.0.2.7")
        configured(screen, "logging 192.0.2.9 severity error", "no logging 192.0.2.7 severity info")
        assert list(screen.router.config.running.listed("logging")) == ["192.0.2.9"]
        [host] = screen.router.log.forwarding.hosts
        assert (host.host, host.port, host.level) == ("192.0.2.9", 514, 3)

    def test_no_logging_needs_a_host(self, screen: Any) -> None:
        screen("configure")
        assert "% Incomplete command." in screen("no logging").text

    @pytest.mark.parametrize(
        "line",
        [
            "logging buffered",
            "logging buffered 10000000",
            "logging buffered debugging",
            "logging console",
            "logging console disable",
            "logging console warnings",
            "logging monitor errors",
            "logging source-interface Loopback0",
            "logging source-interface MgmtEth0/RP0/CPU0/0 vrf MGMT",
        ],
    )
    def test_xrs_other_words_are_kept_and_name_no_host(self, screen: Any, line: str) -> None:
        configured(screen, line)
        assert screen("show running-config logging").text.splitlines()[1:] == [line, ""]
        assert screen.router.log.forwarding.hosts == ()
        configured(screen, f"no {' '.join(line.split()[:2])}")
        assert "% No such" in screen("show running-config logging").text

    @pytest.mark.parametrize(
        "line", ["logging archive", "logging events level informational", "no logging format"]
    )
    def test_what_the_lab_has_not_names_no_host_either(self, screen: Any, line: str) -> None:
        screen("configure")
        assert "% Invalid input" in screen(line).text


class TestYears:
    def test_a_line_of_another_year_than_the_first_has_its_year(self, screen: Any, sent: Sent) -> None:
        configured(screen, "logging 192.0.2.9", "hostname r8")
        screen.now += timedelta(days=3650)
        configured(screen, "hostname r9")
        dated = [line.partition(": config")[0] for line in screen.router.log.lines]
        assert dated[0].startswith("RP/0/RP0/CPU0:Sep 18 ")
        assert dated[-1].startswith("RP/0/RP0/CPU0:2013 Sep 15 ")
        assert [line for line in dated if ":2013 " in line] == dated[2:]
        assert sent
        assert all(PACKET.fullmatch(each) for each in sent.texts("192.0.2.9"))


class TestPackets:
    def test_a_line_goes_with_its_priority_and_number(self, screen: Any, sent: Sent) -> None:
        configured(screen, "logging 192.0.2.9 port 5514")
        configured(screen, "hostname r9")
        [commit, leaving] = sent
        assert (commit.host, commit.port) == ("192.0.2.9", 5514)
        found = PACKET.fullmatch(commit.data.decode())
        assert found
        # local7 is 23; the mnemonic says 6.
        assert found.groups()[:4] == (str(23 * 8 + 6), "3", None, "MGBL-CONFIG-6-DB_COMMIT")
        found = PACKET.fullmatch(leaving.data.decode())
        assert found
        assert found.groups()[:4] == (str(23 * 8 + 5), "4", None, "MGBL-SYS-5-CONFIG_I")
        assert leaving.data.decode().endswith(screen.router.log.lines[-1])

    def test_prefix_and_facility(self, screen: Any, sent: Sent) -> None:
        configured(screen, "logging 192.0.2.9", "logging hostnameprefix edge1", "logging facility local0")
        configured(screen, "hostname r9")
        found = PACKET.fullmatch(sent[0].data.decode())
        assert found
        assert (found[1], found[3]) == (str(16 * 8 + 6), "edge1")

    @pytest.mark.parametrize(
        ("statements", "numbers"),
        [
            (["logging h.example"], {6, 5}),
            (["logging h.example severity notifications"], {5}),
            (["logging h.example severity error"], set()),
            (["logging h.example severity debugging", "logging trap notifications"], {5}),
            (["logging h.example", "logging trap disable"], set()),
            (["logging h.example", "logging trap"], {6, 5}),
        ],
    )
    def test_a_host_and_the_trap_level_say_what_goes(
        self, screen: Any, sent: Sent, statements: list[str], numbers: set[int]
    ) -> None:
        configured(screen, *statements)
        configured(screen, "hostname r9")
        assert {int(text[1:4]) - 23 * 8 for text in sent.texts("h.example")} == numbers

    def test_a_long_line_is_cut(self, screen: Any, sent: Sent) -> None:
        configured(screen, "logging h.example")
        screen.router.log.add(screen.now, "cepki", "SECURITY-CEPKI-3-X", "é" * MOST_BYTES)
        assert len(sent[-1].data) == MOST_BYTES

    @pytest.mark.parametrize("wording", WORDINGS.values(), ids=WORDINGS)
    def test_every_event_of_the_pki_is_sent(self, screen: Any, sent: Sent, wording: Texts) -> None:
        configured(screen, "logging h.example")
        for what, (mnemonic, _) in wording.enrolment_log.items():
            screen.router.log_enrolment(Report(what, "myca", "why"), screen.now)
            assert f"%{mnemonic} : " in sent[-1].data.decode()
            assert severity_of(mnemonic) <= 6

    def test_every_mnemonic_of_the_texts_has_a_severity(self) -> None:
        sources = Path(texts.__file__).parent.glob("*.py")
        found = {each for file in sources for each in MNEMONIC.findall(file.read_text(encoding="utf-8"))}
        assert "SECURITY-CEPKI-6-CERTRET" in found
        assert {severity_of(each) for each in found} <= set(range(7))

    def test_a_mnemonic_without_severity_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="no severity"):
            severity_of("MGBL-SYS-X")


class TestShowLogging:
    def test_it_holds_what_was_done(self, screen: Any, sent: Sent) -> None:
        configured(screen, "logging h.example", "logging i.example severity notifications")
        configured(screen, "hostname r9")
        screen.router.log.lost(sent[0])
        shown = screen("show logging").text
        assert "enabled (1 messages dropped, 0 flushes, 0 overruns)" in shown
        assert "    Trap logging: level informational, 2 messages logged\n" in shown
        assert "    Logging to h.example, 1 message lines logged\n" in shown
        assert "    Logging to i.example, 1 message lines logged\n" in shown
        assert "    Buffer logging: level debugging, 4 messages logged\n" in shown

    def test_nothing_goes_anywhere(self, screen: Any) -> None:
        configured(screen, "logging trap disable")
        assert "    Trap logging: Disabled\n    Buffer" in screen("show logging").text


@contextmanager
def receiver(
    family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1"
) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.bind((host, 0))
        channel.settimeout(5)
        yield channel


async def received(channel: socket.socket) -> str:
    return (await asyncio.to_thread(channel.recv, 65536)).decode()


class TestOnTheWire:
    @pytest.fixture
    def play(self, make_router: Any, make_screen: Any, tmp_path: Path) -> Callable[[Story], None]:
        def run(story: Story) -> None:
            async def whole() -> None:
                async with Stage(make_router, make_screen, tmp_path / "r1").open() as stage:
                    await story(stage)

            asyncio.run(whole())

        return run

    def test_an_enrolment_is_told_to_two_hosts_by_severity(self, play: Callable[[Story], None]) -> None:
        """And neither the password nor a key is in any of it."""
        with receiver() as all_of_it, receiver() as warnings:
            everything, bad_news = (each.getsockname()[1] for each in (all_of_it, warnings))

            async def story(stage: Stage) -> None:
                session = stage.session()
                for line in (
                    *("configure", f"logging 127.0.0.1 port {everything}"),
                    *(f"logging localhost severity warning port {bad_news}", "commit", "end"),
                ):
                    session.feed(line, stage.host.now())
                    stage.host.after_command()
                heard = [await received(all_of_it)]
                assert "MGBL-SYS-5-CONFIG_I" in heard[0]
                await stage.pending()
                heard.append(await received(all_of_it))
                assert "SECURITY-CEPKI-6-CERTPENDING" in heard[1]
                stage.ca.answer = stage.ca.silent
                stage.set_clock(awaited(stage.host.router.pki)[0][0])
                await stage.run_timers()
                for channel in (all_of_it, warnings):
                    heard.append(await received(channel))
                    assert "SECURITY-CEPKI-4-CAUNREACHABLE" in heard[-1]
                assert all(PACKET.fullmatch(each) for each in heard)
                assert not any(PASSWORD in each or "PRIVATE" in each for each in heard)
                shown = stage.session().feed("show logging", stage.host.now()).text
                assert "Logging to 127.0.0.1, 3 message lines logged" in shown
                assert "Logging to localhost, 1 message lines logged" in shown

            play(story)

    def test_a_name_that_nobody_knows_holds_nobody_up(self) -> None:
        lost: list[Datagram] = []

        async def story() -> None:
            with receiver() as channel:
                sender = SyslogSender(lost.append)
                for number in range(MOST_WAITING + 2):
                    sender.send(Datagram("nowhere.invalid", 514, b"%d" % number))
                assert len(lost) == 2
                sender.send(Datagram("x" * 64 + ".invalid", 514, b"no name at all"))
                sender.send(Datagram("127.0.0.1", channel.getsockname()[1], b"here"))
                assert await received(channel) == "here"
                await until(lambda: len(lost) == MOST_WAITING + 3)
                await sender.stop()

        asyncio.run(story())

    def test_what_the_network_refuses_is_lost(self) -> None:
        lost: list[Datagram] = []

        async def story() -> None:
            sender = SyslogSender(lost.append)
            sender.send(Datagram("255.255.255.255", 514, b"not without SO_BROADCAST"))
            await until(lambda: lost)
            await sender.stop()

        asyncio.run(story())

    def test_ipv6(self) -> None:
        async def story() -> None:
            with receiver(socket.AF_INET6, "::1") as channel:
                sender = SyslogSender(lambda _datagram: None)
                sender.send(Datagram("::1", channel.getsockname()[1], b"six"))
                assert await received(channel) == "six"
                await sender.stop()

        asyncio.run(story())
