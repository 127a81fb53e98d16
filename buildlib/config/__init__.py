"""What people write: releases, recipes, locks, settings of kernels and boot; sites."""
