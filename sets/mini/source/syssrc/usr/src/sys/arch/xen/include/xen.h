/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What this kernel uses of Xen's interface, after xen/include/public.
 */
#ifndef _XEN_XEN_H_
#define	_XEN_XEN_H_

#include <sys/types.h>

#define	__HYPERVISOR_memory_op		12
#define	__HYPERVISOR_xen_version	17
#define	__HYPERVISOR_console_io		18
#define	__HYPERVISOR_sched_op		29
#define	__HYPERVISOR_event_channel_op	32
#define	__HYPERVISOR_physdev_op		33
#define	__HYPERVISOR_hvm_op		34

#define	XENMEM_current_reservation	3
#define	XENVER_version			0
#define	XENVER_extraversion		1
#define	CONSOLEIO_write			0
#define	SCHEDOP_yield			0
#define	SCHEDOP_shutdown		2
#define	SCHEDOP_poll			3
#define	EVTCHNOP_send			4
#define	PHYSDEVOP_set_iopl		6
#define	HVMOP_get_param			1

#define	SHUTDOWN_poweroff		0
#define	SHUTDOWN_reboot			1
#define	SHUTDOWN_crash			3

#define	DOMID_SELF			0x7ff0
#define	HVM_PARAM_CONSOLE_PFN		17
#define	HVM_PARAM_CONSOLE_EVTCHN	18

#define	SIF_INITDOMAIN			0x2	/* of start_info.flags, PV and PVH */
#define	SIF_MOD_START_PFN		0x8

/* A PV domain reads which of its frames a machine frame is at this address. */
#define	MACH2PHYS_VIRT_START		0xffff800000000000UL

/* PV: xen.h */
struct start_info {
	char		magic[32];
	uint64_t	nr_pages;
	uint64_t	shared_info;
	uint32_t	flags;
	uint64_t	store_mfn;
	uint32_t	store_evtchn;
	uint64_t	console_mfn;		/* of a domU */
	uint32_t	console_evtchn;
	uint64_t	pt_base;
	uint64_t	nr_pt_frames;
	uint64_t	mfn_list;
	uint64_t	mod_start;		/* virtual */
	uint64_t	mod_len;
	char		cmd_line[1024];
};

/* PVH: arch-x86/hvm/start_info.h; all addresses are physical */
struct hvm_start_info {
	uint32_t	magic, version, flags, nr_modules;
	uint64_t	modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
	uint32_t	memmap_entries, reserved;
};
struct hvm_modlist_entry {
	uint64_t	paddr, size, cmdline_paddr, reserved;
};

/* io/console.h */
struct xencons_interface {
	char		in[1024], out[2048];
	uint32_t	in_cons, in_prod, out_cons, out_prod;
};

#endif
