"""Key pairs, and the public keys by which users log in: iosxr.md 1.4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class KeyTexts:
    """What `crypto key` and `show crypto key` print."""

    # --- crypto key, iosxr.md 1.4 [T] ---
    key_name: str = "The name for the keys will be: {label}"
    key_exists: str = "% You already have keys defined for {label}"  # [U]
    key_replace: str = "Do you really want to replace them? [yes/no]: "  # [U]
    key_size_range: str = (
        "  Choose the size of the key modulus in the range of {low} to {high} for your {purpose} "
        "Keypair. Choosing a key modulus greater than 512 may take a few minutes.\n"
    )
    key_purposes: Mapping[str, str] = field(  # the latter two [U], after IOS's "Signature Keys"
        default_factory=lambda: {
            "general": "General Purpose",
            "signature": "Signature",
            "encryption": "Encryption",
        }
    )
    key_size_question: str = "How many bits in the modulus [{default}]: "
    dsa_sizes: str = (  # [T], as it was recorded: the sentence ends there
        "  Choose the size of your DSA key modulus. Modulus size can be 512, 768, or 1024 bits. "
        "Choosing a key modulus\n"
    )
    dsa_wrong_size: str = "% A modulus of 512, 768, 1024 or 2048 bits."  # ours; 2048 is [T]
    key_generating: str = "Generating {kind} keys ..."  # [T] for RSA and DSA
    key_done: str = "Done w/ crypto generate keypair\n[OK]\n"
    key_shown: str = (
        "Key label: {label}\n"
        "Type     : {type}\n"
        "{measure:<9}: {size}\n"
        "{dated:<9}: {date}\n"
        "Data     : \n"
        "{data}\n"
    )
    # By kind, and RSA's by purpose.  The first is [T], the others [U].
    key_types: Mapping[str, str] = field(
        default_factory=lambda: {
            "general": "RSA General purpose",
            "signature": "RSA Signature",
            "encryption": "RSA Encryption",
            "dsa": "DSA",
            "nistp256": "ECDSA General Curve Nistp256",
            "nistp384": "ECDSA General Curve Nistp384",
            "nistp521": "ECDSA General Curve Nistp521",
            "ed25519": "ED25519",
        }
    )
    key_size_label: str = "Size"
    key_degree_label: str = "Degree"  # an ECDSA key's: the model's field [Y]
    key_created_label: str = "Created"
    rsa_range: tuple[int, int] = (512, 4096)
    rsa_default: int = 2048
    zeroize_names: str = "% Keys to be removed are named {labels}"  # [T]; several with commas: ours
    zeroize_question: str = "Do you really want to remove these keys ?? [yes/no]: "  # [T]
    zeroize_none: str = "% There are no {kind} keys."  # ours, as is the next
    zeroize_no_label: str = "% There are no {kind} keys named {label}."

    # --- crypto key import authentication; show crypto key authentication rsa [T] ---
    login_key_prompt: str = "Enter the public key"  # [T] a blog of 2023; an empty line ends it
    login_key_refused: str = "% The public key cannot be imported: {why}"  # ours, as is the next
    login_key_none: str = "% There is no authentication key of {users}."
    login_key_type: str = "RSA public key authentication"  # [T]
    login_key_imported_label: str = "Imported"  # [T]
