"""`python -m scheduler.cli` is `tutti`. Imports nothing before it can answer Ctrl-C, which may well come before the rest is loaded."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from scheduler.cli.app import main as run  # noqa: PLC0415  see above

        run()
    except KeyboardInterrupt:
        sys.exit(130)  # scheduler.cli.errors.INTERRUPTED, which may not be loaded


if __name__ == "__main__":
    main()
