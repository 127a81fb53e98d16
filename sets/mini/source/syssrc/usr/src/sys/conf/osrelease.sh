#!/bin/sh
# The release this source belongs to.
echo 1.0
