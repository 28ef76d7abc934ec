"""`python -m experiments …`: hands over to folklore's command line."""

import signal

handler = signal.signal(signal.SIGINT, signal.SIG_DFL)  # until what says so is imported, Ctrl-C ends it without a word

from folklore.cli import main  # noqa: E402

if __name__ == "__main__":
    signal.signal(signal.SIGINT, handler)
    main()
