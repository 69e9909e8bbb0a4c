"""`python -m classifier_training`."""

import sys

from .entry import main

sys.exit(main())
