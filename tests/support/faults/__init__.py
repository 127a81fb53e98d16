"""Kills, power cuts, small disks and different hosts."""
