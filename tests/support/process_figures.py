"""What a process has used, from /proc."""
import os
import pathlib


def cpu_seconds(pid):
    """User and system time of all its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_megabytes(pid):
    """What is resident now: in all, and what is its own (not mapped from a file)."""
    figures = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmRSS", "RssAnon"):
            figures[{"VmRSS": "resident", "RssAnon": "anonymous"}[name]] = round(
                int(rest.split()[0]) / 1000, 1)
    return figures
