/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _XEN_HYPERVISOR_H_
#define	_XEN_HYPERVISOR_H_

#include <sys/systm.h>

#include <xen.h>

extern char hypercall_page[];		/* locore.S; 32 bytes for each call */

static inline long
hypercall(unsigned call, long a, const void *b, const void *c)
{
	long ret;

	__asm volatile("call *%[entry]"
	    : "=a" (ret), "+D" (a), "+S" (b), "+d" (c)
	    : [entry] "r" (hypercall_page + 32 * call)
	    : "rcx", "r8", "r9", "r10", "r11", "memory");
	return ret;
}

/* xen_machdep.c */
void	init_pv(const struct start_info *) __attribute__((__noreturn__));
void	init_pvh(const struct hvm_start_info *) __attribute__((__noreturn__));
uint64_t hypervisor_frame(const void *);
void	hypervisor_map(void *, unsigned, uint64_t);

/* xencons.c */
void	xencons_attach(struct xencons_interface *, uint32_t);

/* dev/ic/vga.c */
void	vga_cnattach(void);
void	vga_cnwrite(const char *, size_t);

#endif
