/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _SYS_MOUNT_H_
#define	_SYS_MOUNT_H_

#include <fs.h>

/* vfs_mount.c */
bool	vfs_mountroot(struct ufsmount *, const char *);

#endif
