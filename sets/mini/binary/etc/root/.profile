# mini: stands where NetBSD's /root/.profile would be
export PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/pkg/sbin:/usr/pkg/bin
umask 022
