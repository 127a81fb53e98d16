"""From recipes to stages: the plan, keys, decisions, reasons, products, boot tests."""
