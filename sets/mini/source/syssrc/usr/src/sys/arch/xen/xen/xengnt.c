/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The grant table: which pages other domains may use.
 */
#include <hypervisor.h>
#include <vmparam.h>
#include <xengnt.h>

#define	NR_RESERVED	8	/* of console and store */

static struct grant_entry_v1 grant_table[PAGE_SIZE / sizeof(struct grant_entry_v1)]
    __attribute__((__aligned__(PAGE_SIZE)));
static uint32_t next = NR_RESERVED;

void
xengnt_init(void)
{
	uint64_t frame = 0;
	struct {
		uint16_t	 dom;
		uint32_t	 nr_frames;
		short		 status;
		uint64_t	*frame_list;
	} setup = { DOMID_SELF, 1, 0, &frame };

	if (!bootinfo.pvh)	/* one that is PVH asks for it by its number, 0 */
		hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table,
		    &setup, (const void *)1);
	hypervisor_map(grant_table, XENMAPSPACE_grant_table, frame);
}

/* The reference by which a domain may read and write a page, for ever. */
uint32_t
xengnt_grant_access(uint16_t domid, const void *page)
{
	struct grant_entry_v1 *entry = &grant_table[next];

	entry->domid = domid;
	entry->frame = (uint32_t)hypervisor_frame(page);
	__atomic_store_n(&entry->flags, GTF_permit_access, __ATOMIC_RELEASE);
	return next++;
}
