"""Kills, power cuts, small disks and other hosts."""
