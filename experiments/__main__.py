"""`python -m experiments …`: starts folklore's command line."""

import signal

if __name__ == "__main__":  # not when a worker imports this. Until main is imported, Ctrl-C ends the process silently
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)

from folklore.cli.app import main

if __name__ == "__main__":
    signal.signal(signal.SIGINT, handler)
    try:
        main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # repeated Ctrl-C must not interrupt Python's own shutdown
