"""``sceplab router``: lines typed at a router, and its identity exported."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sceplab.cli_base import FILE, find_lab, json_option, lab_option, print_json
from sceplab.cli_secrets import ask_password
from sceplab.errors import LabError

if TYPE_CHECKING:
    from sceplab.client import Lab
    from sceplab.router_shell import RouterShell, Screen

EXPORT = "export"


@click.command()
@click.argument("name")
@click.argument("lines", metavar="[LINE]... | export", nargs=-1)
@click.option(
    "--pkcs12",
    type=FILE,
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="With export: where to write the identity.  [default: NAME.p12]",
)
@click.option("--trustpoint", metavar="NAME", help="With export: whose identity.  [default: the only one]")
@lab_option
@json_option
def router(
    name: str,
    lines: tuple[str, ...],
    pkcs12: Path | None,
    trustpoint: str | None,
    endpoints: Path | None,
    as_json: bool,
) -> None:
    """Log in to the router NAME, type each LINE when it waits, and print its screen.

    A LINE answers a question just as it gives a command:

        sceplab router r1 "crypto ca authenticate myca" yes

    The status is 1 when the router refuses one: when the last line before its prompt begins with %.
    A ? is typed as a character; it does not ask for help.

    @FILE types the lines of a file, and a LINE may be several lines; @@ stands for an @ at the beginning.
    What is pasted ends with its @FILE, or with the last LINE:

        sceplab router r1 "crypto ca authenticate myca" @ca.pem yes

    Without a LINE, lines are read from stdin.  A password that the router asks for when no LINE is left
    is asked from you, on the terminal.

    The one word "export" takes the router's key and certificates out, as a PKCS #12 file under a password
    that is asked for, or read from stdin; no real router does that:

        sceplab router r1 export --pkcs12 r1.p12
    """
    if lines == (EXPORT,):
        if pkcs12 is None:
            raise click.UsageError("What to export it as?  --pkcs12 [FILE]")
        file = pkcs12 if pkcs12.name else Path(f"{name}.p12")
        with find_lab(endpoints) as lab:
            _export(lab, name, trustpoint, file, as_json=as_json)
    elif pkcs12 is not None or trustpoint is not None:
        raise click.UsageError("--pkcs12 and --trustpoint go with export.")
    else:
        with find_lab(endpoints) as lab:
            _type(lab, name, lines, as_json=as_json)


def _export(lab: Lab, name: str, trustpoint: str | None, file: Path, *, as_json: bool) -> None:
    from sceplab.files import write_secret
    from sceplab.identity import export_identity, find_trustpoints

    with lab.router(name) as shell:
        if trustpoint is None:
            found = find_trustpoints(shell)
            if len(found) != 1:
                raise LabError(f"{name} has {len(found)} trustpoints: say which, --trustpoint NAME.")
            [trustpoint] = found
        data = export_identity(shell, trustpoint, ask_password(twice=True))
    try:
        write_secret(file, data)
    except OSError as error:
        raise LabError(f"{file} cannot be written: {error.strerror}.") from error
    if as_json:
        print_json({"file": str(file), "trustpoint": trustpoint})
    else:
        click.echo(f"{file} has the key and the certificates of {name}'s {trustpoint}.")


def _type(lab: Lab, name: str, lines: tuple[str, ...], *, as_json: bool) -> None:
    session = lab.router(name)
    if not lines and sys.stdin.isatty():
        from sceplab.printing import ssh_command

        raise click.UsageError(f"Type LINEs, or log in: {ssh_command(lab.endpoints['routers'][name])}")
    typed = list(_written_out(lines)) if lines else _stdin_lines()
    with session as shell:
        screens = list(_type_lines(shell, typed, show=not as_json))
    if as_json:
        print_json(
            [
                {
                    "typed": typed,
                    "screen": screen.text,
                    "waits_for": screen.waits_for,
                    "refused": screen.refused,
                }
                for typed, screen in screens
            ]
        )
    if any(screen.refused for _, screen in screens):
        raise click.exceptions.Exit(1)
    last = screens[-1][1] if screens else shell.greeting
    if last.waits_for in ("question", "password"):
        raise LabError(f"{name} waits for an answer; give it as a further LINE.")


def _written_out(given: Iterable[str]) -> Iterator[str | None]:
    """Yield the lines of each LINE, and of each @FILE; None where a paste has to end."""
    from sceplab.router_shell import lines_of

    for text in given:
        if not text.startswith("@") or text.startswith("@@"):
            yield from lines_of(text.removeprefix("@") if text.startswith("@@") else text)
            continue
        try:
            yield from Path(text[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise LabError(f"{text[1:]} cannot be read: {why}.  (@@ types an @.)") from error
        yield None
    yield None


def _stdin_lines() -> Iterator[str | None]:
    yield from (line.rstrip("\n") for line in sys.stdin)
    yield None


def _type_lines(
    shell: RouterShell, lines: Iterable[str | None], *, show: bool
) -> Iterator[tuple[str, Screen]]:
    """Type every line, then the passwords still asked for; yield what was typed and what was shown."""

    def shown(screen: Screen) -> Screen:
        if show:
            click.echo(screen.text, nl=False)
        return screen

    screen = shown(shell.greeting)
    for line in lines:
        if line is None:
            if screen.waits_for == "paste":
                screen = shown(shell.end_paste())
                yield "", screen
            continue
        typed = "" if screen.waits_for == "password" else line
        screen = shown(shell.run(line))
        yield typed, screen
    while screen.waits_for == "password" and sys.stdin.isatty():
        screen = shown(shell.run(click.prompt("", prompt_suffix="", hide_input=True, err=True)))
        yield "", screen
    if show:
        click.echo()
