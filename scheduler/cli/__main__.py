"""`python -m scheduler.cli` is `tutti`."""

from scheduler.cli.app import main

if __name__ == "__main__":
    main()
