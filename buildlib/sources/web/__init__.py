"""Downloads: trying mirrors, monitoring transfers, limits, and explaining failures."""
