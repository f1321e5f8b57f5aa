"""`python -m drip` is `drip`."""

from drip.cli import main

if __name__ == "__main__":
    main()
