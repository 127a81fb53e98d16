/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _AMD64_VMPARAM_H_
#define	_AMD64_VMPARAM_H_

#ifdef __ASSEMBLER__
#define	KERNBASE	0xffffffff80000000
#else
#define	KERNBASE	0xffffffff80000000UL
#endif
#define	PAGE_SIZE	4096

#endif
