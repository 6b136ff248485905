"""The disks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileTexts:
    """What `dir`, `copy` and commands that read or write files print, and the log on saving."""

    # --- disks: the shape of XR's, from memory [U]; netmiko looks for the first line [C] ---
    no_file: str = "% The file cannot be read: {why}"  # ours
    not_written: str = "% The file cannot be written: {why}"  # ours

    # --- copy: the dialogue of XR 4.3.2 and 5.1.3 [T], the end of XR 7.11's on an NCS 5011 [T] ---
    copy_destination: str = "Destination filename [{path}]?"
    copy_overwrite: str = "Copy : Destination exists, overwrite ?[confirm]"
    copy_accessing: str = "Accessing {source}"
    copy_mark: str = "!"  # how much of the file each stands for is ours
    copy_done: str = "{marks}\nSuccessfully copied {size} Bytes\n\n\nCopy operation success"
    download_failed: str = "%Error opening {url}: {why}"  # pyntc's tests have its beginning [C]
    # These three are ours.
    copy_no_source: str = "% Not a source of copy: {name}. It takes http://, https://, disk0: and harddisk:"
    copy_no_destination: str = "% Not a destination of copy: {name}. It takes disk0: and harddisk:"
    copy_given_up: str = "% The file is left as it is"

    # --- dir ---
    directory_title: str = "\nDirectory of {place}"
    directory_line: str = "{number:>5} {mode}. 1 {size:>10} {date} {name}"

    # --- the log, of the router's own state; ours ---
    state_not_saved: tuple[str, str] = (
        "MGBL-CONFIG-2-NOTSAVED",
        "What has changed cannot be saved and would be lost by a restart: {why}. It is tried again",
    )
    state_saved: tuple[str, str] = ("MGBL-CONFIG-5-SAVED", "What had changed is saved again")
