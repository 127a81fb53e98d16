/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * config: from a kernel configuration to the files a kernel is compiled of.
 * The language is the part of NetBSD's config(5) that the configurations of
 * this release and those derived from them use.
 */
#ifndef CONFIG_H
#define	CONFIG_H

#include <stdbool.h>
#include <stdio.h>

/* One thing said in a configuration, and where it was said. */
struct item {
	char		*name;
	char		*value;		/* NULL: none was given */
	const char	*file;
	int		 line;
	struct item	*next;
};

enum table {
	/* what may be said: conf/files and arch/MACHINE/conf/files.MACHINE */
	DEFFLAG, DEFPARAM, DEFFS, FILES,
	/* what was said */
	OPTIONS, MAKEOPTIONS, FILESYSTEMS, DEVICES, PSEUDODEVICES,
	MACHINE, IDENT, MAXUSERS, NTABLES
};

/* `config NAME root on ROOT type FSTYPE dumps on DUMPS'; name NULL: none yet */
struct kernel {
	char		*name, *root, *fstype, *dumps;
	const char	*file;
	int		 line;
};

struct source {
	const char	*name;
	FILE		*fp;
	int		 read;		/* lines so far */
};

struct word {
	enum { WORD, STRING, EQUALS, COMMA } type;
	char		*text;
};

extern struct item	*tables[NTABLES];
extern struct kernel	 kernel;
extern const char	*srcdir;	/* the sys folder */
extern int		 errors;

/* scan.c */
extern const char	*cfgfile;	/* position, for messages */
extern int		 cfgline;
void	 cfgerror(const char *, ...) __attribute__((__format__(__printf__, 1, 2)));
int	 scan(struct source *, struct word **);

/* gram.c */
struct item	*find(enum table, const char *);
void	 parse(const char *, bool);
void	 crosscheck(void);

/* files.c */
void	 log_config(FILE *, const char *, bool);
void	 write_files(const char *);

/* main.c */
void	*xrealloc(void *, size_t);
char	*xstrdup(const char *);
const char	*base_name(const char *);

#endif
