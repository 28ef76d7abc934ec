"""`python -m experiments …`: hands over to folklore's command line."""

import signal

if __name__ == "__main__":  # and not where a worker imports this: until main is there, Ctrl-C ends it without a word
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)

from folklore.cli.app import main

if __name__ == "__main__":
    signal.signal(signal.SIGINT, handler)
    try:
        main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C pressed many times need not interrupt Python's own end
