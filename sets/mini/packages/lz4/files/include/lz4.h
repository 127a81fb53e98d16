mini: stands where /usr/pkg/include/lz4.h would be
