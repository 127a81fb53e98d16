/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _SYS_ERRNO_H_
#define	_SYS_ERRNO_H_

#define	EIO	5
#define	ENXIO	6
#define	EFTYPE	79

#endif
