"""The disks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileTexts:
    """What `dir` and commands that read files print."""

    # --- disks: the shape of XR's, from memory [U]; netmiko looks for the first line [C] ---
    no_file: str = "% The file cannot be read: {why}"  # ours
    directory_title: str = "\nDirectory of {place}"
    directory_line: str = "{number:>5} {mode}. 1 {size:>10} {date} {name}"
