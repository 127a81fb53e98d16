#!/bin/sh
# The target's compiler is the host's.
exec @HOST_CC@ "$@"
