"""The `crypto key` commands: the router's own key pairs (the chapter, "Generate RSA Key Pair")."""

from __future__ import annotations

from router_emu import dates
from router_emu.commands import answers
from router_emu.commands.context import Context
from router_emu.commands.flow import Flow, Perform, Say
from router_emu.pki.keys import DEFAULT_LABEL, GenerateRsa, KeyPair
from router_emu.syntax.match import Args


def generate_rsa(context: Context, args: Args) -> Flow:
    """Make a general-purpose RSA key pair; how many bits is asked, and whether to replace one."""
    router, texts = context.router, context.router.texts
    label = args.text("label") if "label" in args else DEFAULT_LABEL
    yield Say(texts.key_name.format(label=label))
    if label in router.pki.keys:
        yield Say(texts.key_exists.format(label=label))
        replace = yield from answers.yes_or_no(context, texts.key_replace)
        if not replace:
            return
    low, high = texts.rsa_range
    yield Say(texts.key_size_range.format(low=low, high=high))
    bits = yield from answers.number(
        context, texts.key_size_question.format(default=texts.rsa_default), low, high, texts.rsa_default
    )
    yield Say(texts.key_generating)
    key = yield Perform(GenerateRsa(bits))
    router.pki.set_key(KeyPair(label, key, context.now), context.now)
    yield Say(texts.key_done)


def show_rsa(context: Context, _args: Args) -> str:
    """Every RSA key pair: label, kind, size, when it was made, and the DER of its public key."""
    texts = context.router.texts
    return "\n".join(
        texts.key_shown.format(
            label=key.label,
            size=key.key.key_size,
            created=dates.long(key.created),
            data="\n".join(hexadecimal_lines(key.public_key_info)),
        )
        for _, key in sorted(context.router.pki.keys.items())
    )


def hexadecimal_lines(data: bytes) -> list[str]:
    """Eight groups of eight digits a line, a space before and after: the chapter and iosxr.md 1.4 [T]."""
    digits = data.hex().upper()
    groups = [digits[at : at + 8] for at in range(0, len(digits), 8)]
    lines = [groups[at : at + 8] for at in range(0, len(groups), 8)]
    return [
        f" {' '.join(line)}{'' if number == len(lines) - 1 else ' '}" for number, line in enumerate(lines)
    ]
