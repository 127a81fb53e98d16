mini: stands where /usr/pkg/share/examples/xen/scripts/hotplugpath.sh would be
