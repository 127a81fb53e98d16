/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _SYS_TYPES_H_
#define	_SYS_TYPES_H_

/* The kernel is compiled without the host's headers; these are all it has. */
typedef unsigned char		uint8_t;
typedef unsigned short		uint16_t;
typedef unsigned int		uint32_t;
typedef unsigned long		uint64_t;
typedef unsigned long		size_t;
typedef unsigned long		uintptr_t;
typedef unsigned long		paddr_t;	/* physical, or a domain's idea of it */
typedef _Bool			bool;

#define	NULL	((void *)0)
#define	true	1
#define	false	0

#endif
