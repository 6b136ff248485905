"""`crypto key import authentication rsa` and its like: public keys by which operators log in.

The chapter's form has the operator paste the key (``... rsa general-keys``); its keywords and its label
are taken and mean nothing, since a public key has no usage and goes by its user's name (iosxr.md 1.3, note
2).  The real form names a file.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from router_emu.commands import answers, disk
from router_emu.commands.context import Context
from router_emu.commands.crypto_key import shown_key
from router_emu.commands.flow import Ask, Effect, Flow, Say
from router_emu.pki.login_keys import MOST_BYTES, POSITIONS, LoginKey, read_public_key
from router_emu.syntax.match import Args
from router_emu.texts import CliRefusal


def import_rsa(context: Context, args: Args) -> Flow:
    """Have a user log in by a key: one in a file, or without one a key that is pasted."""
    texts, held = context.router.texts, context.router.pki.login_keys
    user, position = _user(context, args), _position(args) or POSITIONS[0]
    if ":" in (place := args.text("path") if "path" in args else ""):
        data = yield from disk.read_file(context, place, MOST_BYTES)
    else:
        data = yield from _pasted(texts.login_key_prompt)
        if not data:
            raise CliRefusal(texts.login_key_refused.format(why=texts.nothing_pasted))
    try:
        key = read_public_key(data)
    except ValueError as error:
        raise CliRefusal(texts.login_key_refused.format(why=error)) from None
    if held.find(user, position):
        yield Say(texts.key_exists.format(label=user))
        replace = yield from answers.yes_or_no(context, texts.key_replace)
        if not replace:
            return
    held.put(LoginKey(user, position, key, context.now))


def show_rsa(context: Context, args: Args) -> str:
    """Every key, or one user's, under the user's name."""
    texts, held = context.router.texts, context.router.pki.login_keys
    return "\n".join(
        shown_key(
            texts,
            label=key.user,
            kind=texts.login_key_type,
            size=key.key.key_size,
            date=key.imported,
            data=key.public_key_info,
            dated=texts.login_key_imported_label,
        )
        for key in (held.of(args.text("user")) if "user" in args else held)
    )


def zeroize_rsa(context: Context, args: Args) -> Flow:
    """Take a user's keys away, all or that at one position; or everybody's."""
    texts, held = context.router.texts, context.router.pki.login_keys
    users = held.users() if "all" in args else [_user(context, args)]
    position = _position(args)
    keys = [key for user in users for key in held.of(user) if position in (None, key.position)]
    if not keys:
        names = "any user" if "all" in args else users[0]
        raise CliRefusal(texts.login_key_none.format(users=names))
    yield Say(texts.zeroize_names.format(labels=", ".join(sorted({key.user for key in keys}))))
    remove = yield from answers.yes_or_no(context, texts.zeroize_question)
    for key in keys if remove else ():
        if held.find(key.user, key.position) == key:  # another session may have been quicker
            held.remove(key)


def _user(context: Context, args: Args) -> str:
    return args.text("user") if "user" in args else context.user


def _position(args: Args) -> str | None:
    return next((position for position in POSITIONS if position in args.words), None)


def _pasted(prompt: str) -> Generator[Effect, Any, bytes]:
    """Lines up to an empty one, or to "quit", which ends the paste of a certificate, too."""
    yield Say(prompt)
    lines: list[str] = []
    while (line := str((yield Ask(""))).strip()) and line.lower() != "quit":
        lines.append(line)
        if sum(map(len, lines)) > MOST_BYTES:
            break
    return "\n".join(lines).encode()
