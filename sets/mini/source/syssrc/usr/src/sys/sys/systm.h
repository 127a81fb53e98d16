/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 */
#ifndef _SYS_SYSTM_H_
#define	_SYS_SYSTM_H_

#include <sys/types.h>

#define	__dead		__attribute__((__noreturn__))
#define	__printflike(f, a) __attribute__((__format__(__printf__, f, a)))

/* What Xen handed over; filled in by xen_machdep.c before main() runs. */
struct bootinfo {
	const char	*cmdline;
	uint64_t	 memory;	/* bytes */
	bool		 dom0;
	bool		 pvh;
	unsigned	 nmodules;
	struct bootmodule {
		const char	*start;	/* NULL: not mapped */
		uint64_t	 size;
	} modules[4];
};
extern struct bootinfo bootinfo;

/* vers.c, swapnetbsd.c and ioconf.c are written for each configuration. */
extern const char	 ostype[], osrelease[], version[];
extern const char *const rootspec, *const rootfstype, *const dumpspec;
extern const char *const cfoptions[], *const cfdata[], *const pdevinit[];

extern bool		 boothowto_verbose;

void	main(void) __dead;
bool	bootarg(const char *, char *, size_t);
const char *setroot(void);
void	configure(void);
void	config_print(void);
void	cnflush(void);
void	printf(const char *, ...) __printflike(1, 2);
void	snprintf(char *, size_t, const char *, ...) __printflike(3, 4);
void	vsnprintf(char *, size_t, const char *, __builtin_va_list) __printflike(3, 0);
#if NXBD > 0
void	xenbus_attach(void);
void	start_init(const char *);
#endif

/* machine-dependent */
enum reboot { RB_HALT, RB_POWERDOWN, RB_AUTOBOOT, RB_CRASH, RB_DEBUGEXIT };
void	cpu_reboot(enum reboot) __dead;
void	cpu_identify(char *, size_t);
void	consinit(void);
void	cnwrite(const char *, size_t);
#if NXBD > 0
enum reboot shutdown_xenbus_wait(void);
#endif

/* common/lib/libc/string */
int	memcmp(const void *, const void *, size_t);
void	*memcpy(void *, const void *, size_t);
void	*memset(void *, int, size_t);
size_t	strlen(const char *);

#endif
