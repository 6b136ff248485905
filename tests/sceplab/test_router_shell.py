"""A session with a router: what it prints, and what it waits for."""

import pytest

from sceplab import router_shell
from sceplab.errors import ServiceUnreachable, ShellFailed
from sceplab.router_shell import RouterShell, Screen


@pytest.fixture
def shell(router_port):
    with RouterShell("r1", host="127.0.0.1", port=router_port, username="admin", password="pw") as shell:
        yield shell


def test_a_session_from_the_greeting_to_the_end(shell) -> None:
    prompt = "RP/0/RP0/CPU0:r1#"
    assert (shell.greeting.text, shell.greeting.waits_for) == (prompt, "prompt")
    asked = shell.run("authenticate")
    assert asked.text == "authenticate\nDo you accept this certificate? [yes/no]:"
    assert asked.waits_for == "question"
    assert shell.run("yes").text == f"yes\naccepted\n{prompt}"
    assert shell.run("enroll").waits_for == "password"
    assert shell.run("secret").waits_for == "password"
    assert shell.run("secret").text == f"\n[OK]\n{prompt}"
    assert shell.run("exit").waits_for == "nothing"
    with pytest.raises(ShellFailed, match=r"is over; 'more'"):
        shell.run("more")


def test_pages_are_turned(shell) -> None:
    assert shell.run("long").text == "long\none\ntwo\nRP/0/RP0/CPU0:r1#"


def test_a_screen_that_comes_in_pieces_is_read_to_its_prompt(shell) -> None:
    screen = shell.run("slow")
    assert screen.at_prompt
    assert screen.text.startswith("slow\nDone w/ crypto generate keypair\n[OK]\nSubject Name:\ncn=x\n")


def test_a_question_in_no_known_form_is_one_when_nothing_follows(shell) -> None:
    assert shell.run("odd question").waits_for == "question"
    assert shell.run("").at_prompt


def test_a_paste_goes_line_by_line_to_its_end(shell) -> None:
    prompt = "RP/0/RP0/CPU0:r1#"
    assert shell.run("import").waits_for == "paste"
    assert (shell.run("").waits_for, shell.run("-----BEGIN-----").waits_for) == ("paste", "paste")
    assert (
        shell.run("MIIB: [x]:\nAAAA\nquit").text
        == f"-----BEGIN-----\nMIIB: [x]:\nAAAA\nquit\n3 lines\n{prompt}"
    )
    assert shell.run("import\none\n\nauthenticate\nyes").text.endswith(
        f"1 lines\n{prompt}authenticate\nDo you accept this certificate? [yes/no]:yes\naccepted\n{prompt}"
    )


def test_quit_ends_the_paste_of_a_key_too(shell) -> None:
    assert shell.run("import key\nAAAA").waits_for == "paste"
    assert "1 lines" in (screen := shell.run("quit")).text
    assert screen.at_prompt
    assert shell.run("import key\nAAAA").waits_for == "paste"
    assert "1 lines" in shell.end_paste().text


@pytest.mark.parametrize("command", ["import", "import key"])
def test_an_empty_paste_ends(shell, command) -> None:
    shell.run(command)
    assert "0 lines" in shell.end_paste().text


def test_a_text_of_several_lines_is_typed_line_by_line(shell) -> None:
    screen = shell.run("authenticate\r\nyes\r\nenroll\r\nsecret\r\nsecret\r\n")
    assert screen.at_prompt
    assert (screen.text.count("accepted"), screen.text.count("[OK]"), screen.text.count("secret")) == (
        1,
        1,
        0,
    )


def test_a_wrong_password_is_told(router_port) -> None:
    shell = RouterShell("r1", host="127.0.0.1", port=router_port, username="admin", password="wrong")
    with pytest.raises(ServiceUnreachable, match=r"r1 does not let us in at 127.0.0.1 port"), shell:
        pass


def test_silence_is_an_error_with_the_screen_so_far(shell, monkeypatch) -> None:
    monkeypatch.setattr(router_shell, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(router_shell, "PROMPT", router_shell.re.compile("never"))
    with pytest.raises(ShellFailed, match=r"no prompt within 0.2 s(.|\n)*accepted"):
        shell.run("authenticate\rno")


@pytest.mark.parametrize(
    ("screen", "waits_for"),
    [
        ("RP/0/RP0/CPU0:ios#", "prompt"),
        ("y\r\nRP/0/RSP0/CPU0:my-router.lab(config-trustp)#", "prompt"),
        ("How many bits in the modulus [2048]: ", "question"),
        ("Do you accept this certificate?? [yes/no]:", "question"),
        ("Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:", "question"),
        ("Re-enter Password: ", "password"),
        ("Done w/ crypto generate keypair\r\n[OK]", None),
        ("RP/0/RP0/CPU0:ios#show clock", None),
        ("Subject Name   :", None),
        ("Password: \r\n", None),
        ("", None),
    ],
)
def test_what_a_screen_waits_for_is_known_by_its_end(screen, waits_for) -> None:
    assert router_shell.known_sign(screen) == waits_for


PROMPT = "RP/0/RP0/CPU0:r1#"


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("% The trustpoint nosuch is not configured.\n", True),
        ("%Error opening http://ca/x: no connection\n", True),
        ("Mon Nov 23 12:00:00.000 UTC\n% No such configuration item(s)\n\n", True),
        ("% Start ...\n% The CA said no.\nRP/0/RP0/CPU0:Nov 23 12:00:00.000 : pki[1]: %X-Y-3-Z : no\n", True),
        ("% Start certificate enrollment ... \n    Fingerprint: 00\n", False),
        ("% Router Certificate successfully imported\n", False),
        ("% The CA says: % Router Certificate successfully imported\n", True),
        ("RP/0/RP0/CPU0:Nov 23 12:00:00.000 : pki[1]: %SECURITY-CEPKI-3-CERTREJECT : no\n", False),
        (" description 100 % ours\n", False),
        ("", False),
    ],
)
def test_a_command_is_refused_when_the_last_line_begins_with_a_percent_sign(said, refused) -> None:
    for prompt in (PROMPT, "RP/0/RSP0/CPU0:my-router.lab(config-trustp)#"):
        assert Screen(f"typed\n{said}{prompt}", "prompt").refused is refused
    assert Screen(f"typed\n{said}{PROMPT}show clock\nnoon\n{PROMPT}", "prompt").refused is refused


def test_what_is_asked_again_is_not_refused() -> None:
    asked = "maybe\n% Please answer 'yes' or 'no'.\nDo you accept this certificate? [yes/no]: "
    assert not Screen(asked, "question").refused
