"""``python -m scheduler.controller`` runs the operator alone."""

import sys

from scheduler.controller.process import main

sys.exit(main())
