#!/xen/busybox sh
#
# hotplug.sh ACTION -- replaces Xen's block and vif-bridge: a device exists immediately
#
# xl starts it with the device's place in the store in XENBUS_PATH. There is no network.
set -eu

case $1 in
add | online)	;;
*)		exit 0 ;;
esac
case $XENBUS_PATH in
*/vbd/*)
	device=$(/xen/xenstore-read "$XENBUS_PATH/params")
	/xen/xenstore-write "$XENBUS_PATH/physical-device" \
	    "$(/xen/busybox stat -L -c '%t:%T' "$device")" ;;
esac
/xen/xenstore-write "$XENBUS_PATH/hotplug-status" connected
