/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * config -b BUILDDIR -s SRCDIR CONFIG
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

struct item	*tables[NTABLES];
struct kernel	 kernel;
const char	*srcdir;
int		 errors;

void *
xrealloc(void *p, size_t size)
{
	if ((p = realloc(p, size)) == NULL) {
		perror("config");
		exit(1);
	}
	return p;
}

char *
xstrdup(const char *s)
{
	return strcpy(xrealloc(NULL, strlen(s) + 1), s);
}

const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

int
main(int argc, char **argv)
{
	const char *builddir = NULL;
	FILE *fp;
	int c;

	while ((c = getopt(argc, argv, "b:s:")) != -1)
		if (c == 'b')
			builddir = optarg;
		else if (c == 's')
			srcdir = optarg;
		else
			builddir = NULL, optind = argc;
	if (builddir == NULL || srcdir == NULL || optind + 1 != argc) {
		fprintf(stderr, "usage: config -b builddir -s srcdir config\n");
		return 1;
	}
	if ((fp = fopen(argv[optind], "r")) == NULL) {
		fprintf(stderr, "config: cannot read %s: %s\n", argv[optind],
		    strerror(errno));
		return 1;
	}
	log_config(fp, base_name(argv[optind]), false);
	fclose(fp);
	parse(argv[optind], false);
	if (errors == 0)
		crosscheck();
	if (errors != 0) {
		fprintf(stderr, "*** Stop.\n");
		return 1;
	}
	write_files(builddir);
	printf("Build directory is %s\n", builddir);
	return 0;
}
