/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * What NetBSD's kernel says on its way up, said by one that goes no further:
 * it has no processes, so it names its root, has a look at it where there are
 * drivers to do so, and stops there.
 */
#include <sys/systm.h>

struct bootinfo	bootinfo;
bool		boothowto_verbose;

static void
print_modules(void)
{
	const struct bootmodule *m;
	size_t n;

	for (unsigned i = 0; i < bootinfo.nmodules; i++) {
		m = &bootinfo.modules[i];
		/* the first line of it, where that is text */
		for (n = 0; m->start != NULL && n < m->size && n < 64; n++)
			if (m->start[n] < ' ' || m->start[n] > '~')
				break;
		printf("module %u: %lu bytes: %.*s\n", i, m->size, (int)n,
		    n > 0 ? m->start : "");
	}
}

/* exit=HOW on the command line, for whoever waits for the end */
static enum reboot
ending(void)
{
	static const struct { const char *word; enum reboot how; } ways[] = {
		{ "poweroff", RB_POWERDOWN }, { "reboot", RB_AUTOBOOT },
		{ "crash", RB_CRASH }, { "debug", RB_DEBUGEXIT },
	};
	char word[16];

	if (bootarg("exit", word, sizeof word))
		for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
			if (memcmp(word, ways[i].word, strlen(ways[i].word) + 1) == 0)
				return ways[i].how;
	return RB_HALT;
}

void
main(void)
{
	char hypervisor[64];
	const char *root;

	consinit();
	boothowto_verbose = bootarg("-v", NULL, 0);

	printf("Copyright (c) The goldmaster authors.  All rights reserved.\n\n");
	printf("%s\n", version);
	printf("total memory = %lu MB\n", bootinfo.memory >> 20);
	printf("command line: [%s]\n", bootinfo.cmdline);
#ifdef BOOT_MESSAGE
	printf("%s\n", BOOT_MESSAGE);
#endif
	cpu_identify(hypervisor, sizeof hypervisor);
	printf("mainbus0 (root)\nhypervisor0 at mainbus0: %s\n", hypervisor);
	configure();
	print_modules();
#ifdef INCLUDE_CONFIG_FILE
	config_print();
#endif
	root = setroot();
#if NXBD > 0
	start_init(root);
#else
	(void)root;
#endif

	/* Last, so that whoever has seen this line has seen all of them. */
	printf("goldmaster-mini: %s up\n", bootinfo.dom0 ? "dom0" : "domU");
	cpu_reboot(ending());
}
