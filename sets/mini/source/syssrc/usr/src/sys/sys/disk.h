/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Disks: xbd0, xbd1 ... in the order of the domain's list.
 */
#ifndef _SYS_DISK_H_
#define	_SYS_DISK_H_

#include <sys/types.h>

#define	DEV_BSIZE	512

extern unsigned	ndisks;

bool	disk_read(unsigned, uint64_t, void *, size_t);
bool	disk_write(unsigned, uint64_t, const void *);

#endif
