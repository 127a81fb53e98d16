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
#define	__HYPERVISOR_update_va_mapping	14
#define	__HYPERVISOR_xen_version	17
#define	__HYPERVISOR_console_io		18
#define	__HYPERVISOR_grant_table_op	20
#define	__HYPERVISOR_sched_op		29
#define	__HYPERVISOR_event_channel_op	32
#define	__HYPERVISOR_physdev_op		33
#define	__HYPERVISOR_hvm_op		34

#define	XENMEM_current_reservation	3
#define	XENMEM_add_to_physmap		7
#define	XENMAPSPACE_shared_info		0	/* of add_to_physmap */
#define	XENMAPSPACE_grant_table		1
#define	UVMF_INVLPG			2	/* of update_va_mapping */
#define	XENVER_version			0
#define	XENVER_extraversion		1
#define	CONSOLEIO_write			0
#define	SCHEDOP_yield			0
#define	SCHEDOP_shutdown		2
#define	SCHEDOP_poll			3
#define	EVTCHNOP_send			4
#define	EVTCHNOP_alloc_unbound		6
#define	GNTTABOP_setup_table		2
#define	PHYSDEVOP_set_iopl		6
#define	HVMOP_get_param			1

#define	SHUTDOWN_poweroff		0
#define	SHUTDOWN_reboot			1
#define	SHUTDOWN_crash			3

#define	DOMID_SELF			0x7ff0
#define	HVM_PARAM_STORE_PFN		1
#define	HVM_PARAM_STORE_EVTCHN		2
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
	uint64_t	shared_info;		/* machine address */
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

/* xen.h: the page that Xen shares with a domain; of its processors the first */
struct shared_info {
	uint8_t		vcpu_head[32];
	struct {
		uint32_t	version;	/* odd: about to change */
		uint32_t	pad;
		uint64_t	tsc_timestamp;
		uint64_t	system_time;	/* then; nanoseconds */
		uint32_t	tsc_to_system_mul;
		signed char	tsc_shift;
		uint8_t		flags[3];
	}		time;
	uint8_t		vcpus[31 * 64];
	uint64_t	evtchn_pending[64];
	uint64_t	evtchn_mask[64];
};

/* grant_table.h, version 1 */
#define	GTF_permit_access		1
struct grant_entry_v1 {
	uint16_t	flags;
	uint16_t	domid;
	uint32_t	frame;
};

/* io/xs_wire.h */
enum xsd_sockmsg_type {
	XS_DIRECTORY = 1, XS_READ = 2, XS_WRITE = 11, XS_ERROR = 16
};
struct xsd_sockmsg {
	uint32_t	type, req_id, tx_id, len;
};
struct xenstore_domain_interface {
	char		req[1024], rsp[1024];
	uint32_t	req_cons, req_prod, rsp_cons, rsp_prod;
};

/* io/xenbus.h */
enum xenbus_state {
	XenbusStateInitialising = 1, XenbusStateInitWait, XenbusStateInitialised,
	XenbusStateConnected
};

/* io/blkif.h; sectors are of 512 bytes whatever the disk's are */
#define	BLKIF_OP_READ			0
#define	BLKIF_OP_WRITE			1
#define	BLKIF_RSP_OKAY			0
#define	VDISK_READONLY			4
struct blkif_request {
	uint8_t		operation, nr_segments;
	uint16_t	handle;
	uint64_t	id;
	uint64_t	sector_number;
	struct {
		uint32_t	gref;
		uint8_t		first_sect, last_sect;
	}		seg[11];
};
struct blkif_response {
	uint64_t	id;
	uint8_t		operation;
	short		status;
};
struct blkif_sring {
	uint32_t	req_prod, req_event, rsp_prod, rsp_event;
	uint8_t		pad[48];
	union {
		struct blkif_request	req;
		struct blkif_response	rsp;
	}		ring[32];
};

/* io/console.h */
struct xencons_interface {
	char		in[1024], out[2048];
	uint32_t	in_cons, in_prod, out_cons, out_prod;
};

#endif
