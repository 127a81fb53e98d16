mini: stands where /usr/pkg/share/examples/xen/scripts/locking.sh would be
