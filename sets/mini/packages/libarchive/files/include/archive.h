mini: stands where /usr/pkg/include/archive.h would be
