#!/bin/sh
# The target's @TOOL@ is the host's.
exec @TOOL@ "$@"
