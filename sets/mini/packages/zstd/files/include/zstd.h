mini: stands where /usr/pkg/include/zstd.h would be
