"""`python -m classifier_training`."""

import sys

from .cli import main

sys.exit(main())
