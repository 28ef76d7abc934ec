"""`python -m experiments …`: hands over to folklore's command line."""

from folklore.cli import main

if __name__ == "__main__":
    main()
