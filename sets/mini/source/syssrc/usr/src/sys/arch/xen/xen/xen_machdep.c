/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * From what Xen hands a PV or PVH domain to struct bootinfo.
 */
#include <sys/systm.h>

#include <hypervisor.h>
#include <vmparam.h>
#if NXBD > 0
#include <evtchn.h>
#include <xenbus.h>
#endif

#define	PTE_KERNEL	0x63	/* present, writable, accessed, dirty */

static const uint64_t	*phys2mach;	/* NULL: PVH */

/* The number by which others know a page of the kernel's. */
uint64_t
hypervisor_frame(const void *page)
{
	uint64_t pfn = ((uintptr_t)page - KERNBASE) / PAGE_SIZE;

	return phys2mach != NULL ? phys2mach[pfn] : pfn;
}

/*
 * Let a page of the kernel's be one of Xen's from now on: a PV domain names it
 * by its frame, a PVH domain by what it is.
 */
void
hypervisor_map(void *page, unsigned space, uint64_t frame)
{
	struct {
		uint16_t domid, size;
		uint32_t space;
		uint64_t idx, gpfn;
	} op = { DOMID_SELF, 0, space, 0, hypervisor_frame(page) };

	if (phys2mach != NULL)
		hypercall(__HYPERVISOR_update_va_mapping, (long)page,
		    (const void *)(frame * PAGE_SIZE | PTE_KERNEL),
		    (const void *)UVMF_INVLPG);
	else
		hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &op,
		    NULL);
}

/* What only a domU is given: pages that daemons of dom0 read. */
static void
init_domu(uintptr_t base, uint64_t console, uint64_t console_evtchn,
    uint64_t store, uint64_t store_evtchn, uint64_t shared)
{
	xencons_attach((struct xencons_interface *)(base + console * PAGE_SIZE),
	    (uint32_t)console_evtchn);
#if NXBD > 0
	evtchn_init(shared);
	if (store != 0 && store_evtchn != 0)
		xb_init_comms((struct xenstore_domain_interface *)
		    (base + store * PAGE_SIZE), (uint32_t)store_evtchn);
#else
	(void)store, (void)store_evtchn, (void)shared;
#endif
}

void
init_pv(const struct start_info *si)
{
	const uint64_t *mach2phys = (const uint64_t *)MACH2PHYS_VIRT_START;

	phys2mach = (const uint64_t *)si->mfn_list;
	bootinfo.cmdline = si->cmd_line;
	bootinfo.memory = si->nr_pages * PAGE_SIZE;
	bootinfo.dom0 = (si->flags & SIF_INITDOMAIN) != 0;
	if (si->mod_len > 0) {
		bootinfo.nmodules = 1;
		bootinfo.modules[0].size = si->mod_len;
		if ((si->flags & SIF_MOD_START_PFN) == 0)
			bootinfo.modules[0].start = (const char *)si->mod_start;
	}
	if (!bootinfo.dom0)
		init_domu(KERNBASE, mach2phys[si->console_mfn],
		    si->console_evtchn, si->store_mfn != 0 ?
		    mach2phys[si->store_mfn] : 0, si->store_evtchn,
		    si->shared_info / PAGE_SIZE);
	main();
}

static void
cpuid(uint32_t leaf, uint32_t reg[4])
{
	__asm volatile("cpuid" : "=a" (reg[0]), "=b" (reg[1]), "=c" (reg[2]),
	    "=d" (reg[3]) : "a" (leaf), "c" (0));
}

/* Xen fills the hypercall page whose address is written to its MSR. */
static void
hypercall_init(void)
{
	paddr_t page = (uintptr_t)hypercall_page - KERNBASE;
	uint32_t leaf, reg[4];

	for (leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
		cpuid(leaf, reg);
		if (memcmp(&reg[1], "XenVMMXenVMM", 12) == 0)
			break;
	}
	cpuid(leaf + 2, reg);
	__asm volatile("wrmsr" : : "c" (reg[1]), "a" ((uint32_t)page),
	    "d" ((uint32_t)(page >> 32)) : "memory");
}

static uint64_t
hvm_param(uint32_t index)
{
	struct {
		uint16_t domid;
		uint32_t index;
		uint64_t value;
	} p = { DOMID_SELF, index, 0 };

	hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, &p, NULL);
	return p.value;
}

void
init_pvh(const struct hvm_start_info *si)
{
	const struct hvm_modlist_entry *list = (const void *)si->modlist_paddr;
	const uint16_t self = DOMID_SELF;

	hypercall_init();
	bootinfo.pvh = true;
	bootinfo.cmdline = si->cmdline_paddr != 0 ?
	    (const char *)si->cmdline_paddr : "";
	bootinfo.dom0 = (si->flags & SIF_INITDOMAIN) != 0;
	/* dom0 gets no memory map this way, so ask */
	bootinfo.memory = (uint64_t)hypercall(__HYPERVISOR_memory_op,
	    XENMEM_current_reservation, &self, NULL) * PAGE_SIZE;
	for (uint32_t i = 0; i < si->nr_modules &&
	    i < sizeof bootinfo.modules / sizeof *bootinfo.modules; i++) {
		/* locore.S maps this much */
		if (list[i].paddr + list[i].size <= 1UL << 32)
			bootinfo.modules[i].start = (const char *)list[i].paddr;
		bootinfo.modules[i].size = list[i].size;
		bootinfo.nmodules++;
	}
	if (!bootinfo.dom0)
		init_domu(0, hvm_param(HVM_PARAM_CONSOLE_PFN),
		    hvm_param(HVM_PARAM_CONSOLE_EVTCHN),
		    hvm_param(HVM_PARAM_STORE_PFN),
		    hvm_param(HVM_PARAM_STORE_EVTCHN), 0);
	main();
}
