/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The files that go into a kernel's build folder.  A file whose content stays
 * the same is not touched, so that the objects made of it stay fresh.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config.h"

static struct {
	char	*text;
	size_t	 size;
	FILE	*fp;
} cfglog;

static void
fail(const char *path)
{
	fprintf(stderr, "config: %s: %s\n", path, strerror(errno));
	exit(1);
}

/*
 * The configuration's text, for options INCLUDE_CONFIG_FILE, in the form of
 * NetBSD's config(1): one string per line, as vis(3) writes it.  Unlike there
 * a file is called by its base name, so that no path leaks into the kernel.
 */
void
log_config(FILE *fp, const char *name, bool included)
{
	int c;
	bool bol = true;

	if (cfglog.fp == NULL &&
	    (cfglog.fp = open_memstream(&cfglog.text, &cfglog.size)) == NULL)
		fail(name);
	fprintf(cfglog.fp, included ? "\"_CFG_### (included from \\\"%s\\\")\\n\"\n" :
	    "\"_CFG_### START CONFIG FILE \\\"%s\\\"\\n\"\n", name);
	while ((c = getc(fp)) != EOF) {
		if (bol)
			fprintf(cfglog.fp, "\"_CFG_%s", included ? "###> " : "");
		bol = c == '\n';
		if (bol)
			fputs("\\n\"\n", cfglog.fp);
		else if (c == '"')
			fputs("\\\"", cfglog.fp);
		else if (c < ' ' || c == '\\' || c > '~')
			fprintf(cfglog.fp, "\\\\%03o", (unsigned)c);
		else
			putc(c, cfglog.fp);
	}
	if (!bol)
		fputs("\\n\"\n", cfglog.fp);
	fprintf(cfglog.fp, included ? "\"_CFG_### (end include \\\"%s\\\")\\n\"\n" :
	    "\"_CFG_### END CONFIG FILE \\\"%s\\\"\\n\"\n", name);
}

static void
put_string(FILE *fp, const char *s)
{
	putc('"', fp);
	for (; *s != '\0'; s++)
		fprintf(fp, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	putc('"', fp);
}

/* A C array of the strings NAME or NAME=VALUE. */
static void
put_table(FILE *fp, const char *array, enum table table, const char *between)
{
	struct item *i;

	fprintf(fp, "\nconst char *const %s[] = {\n", array);
	for (i = tables[table]; i != NULL; i = i->next) {
		fputs("\t", fp);
		put_string(fp, i->name);
		if (i->value != NULL) {
			fprintf(fp, " \"%s\" ", between);
			put_string(fp, i->value);
		}
		fputs(",\n", fp);
	}
	fputs("\t0\n};\n", fp);
}

/* Is there a line for devices of that name: `xbd0 at ...', `xbd* at ...'? */
static bool
device(const char *name)
{
	size_t len = strlen(name);
	struct item *i;

	for (i = tables[DEVICES]; i != NULL; i = i->next)
		if (strncmp(i->name, name, len) == 0 &&
		    (i->name[len] == '*' || isdigit((unsigned char)i->name[len])))
			return true;
	return false;
}

/* NXBD, as NetBSD's xbd.h has it, where a source file depends on xbd */
static void
count_devices(FILE *fp)
{
	struct item *i, *o;
	const char *p;

	for (i = tables[FILES]; i != NULL; i = i->next) {
		if (i->value == NULL || !device(i->value))
			continue;
		for (o = tables[FILES]; o != i; o = o->next)
			if (o->value != NULL && strcmp(o->value, i->value) == 0)
				break;
		if (o != i)
			continue;
		fputs("#define\tN", fp);
		for (p = i->value; *p != '\0'; p++)
			putc(toupper((unsigned char)*p), fp);
		fputs("\t1\n", fp);
	}
}

static void
opt_global(FILE *fp)
{
	struct item *i;

	for (i = tables[OPTIONS]; i != NULL; i = i->next)
		fprintf(fp, "#define\t%s\t%s\n", i->name,
		    i->value != NULL ? i->value : "1");
	for (i = tables[FILESYSTEMS]; i != NULL; i = i->next)
		fprintf(fp, "#define\t%s\t1\n", i->name);
	count_devices(fp);
	if (tables[MAXUSERS] != NULL)
		fprintf(fp, "#define\tMAXUSERS\t%s\n", tables[MAXUSERS]->name);
}

static void
config_file(FILE *fp)
{
	fflush(cfglog.fp);
	fprintf(fp, "/* strings netbsd | sed -n 's/^_CFG_//p' | unvis */\n"
	    "static const char config[] =\n%s;\n", cfglog.text);
}

/* No driver reads these tables; boot -v shows them. */
static void
ioconf(FILE *fp)
{
	fputs("#include <sys/systm.h>\n", fp);
	put_table(fp, "cfoptions", OPTIONS, "=");
	put_table(fp, "cfdata", DEVICES, "");
	put_table(fp, "pdevinit", PSEUDODEVICES, " ");
}

static void
swapnetbsd(FILE *fp)
{
	fputs("#include <sys/systm.h>\n\n", fp);
	fputs("const char *const rootspec = ", fp);
	put_string(fp, kernel.root);
	fputs(";\nconst char *const rootfstype = ", fp);
	put_string(fp, kernel.fstype);
	fputs(";\nconst char *const dumpspec = ", fp);
	put_string(fp, kernel.dumps);
	fputs(";\n", fp);
}

/* OBJECT SOURCE, one a line: what nbmake compiles and in which order it links */
static void
compile_list(FILE *fp)
{
	static const char *const made[] = { "ioconf", "swapnetbsd", "vers" };
	struct item *i, *o;
	const char *base;

	for (i = tables[FILES]; i != NULL; i = i->next) {
		for (o = tables[OPTIONS]; i->value != NULL && o != NULL; o = o->next)
			if (strcasecmp(o->name, i->value) == 0)
				break;
		if (i->value != NULL && o == NULL && !device(i->value))
			continue;
		base = base_name(i->name);
		fprintf(fp, "%.*s.o %s\n", (int)strcspn(base, "."), base, i->name);
	}
	for (size_t n = 0; n < sizeof made / sizeof *made; n++)
		fprintf(fp, "%s.o ./%s.c\n", made[n], made[n]);
}

static void
makeoptions(FILE *fp)
{
	struct item *i;

	for (i = tables[MAKEOPTIONS]; i != NULL; i = i->next)
		fprintf(fp, "%s=%s\n", i->name, i->value);
}

static void
ident(FILE *fp)
{
	if (tables[IDENT] != NULL)
		fprintf(fp, "%s\n", tables[IDENT]->name);
}

static bool
same(const char *path, const char *text, size_t size)
{
	FILE *fp;
	int c = 0;
	size_t n;

	if ((fp = fopen(path, "r")) == NULL)
		return false;
	for (n = 0; n < size && c != EOF; n++)
		if ((c = getc(fp)) != (unsigned char)text[n])
			break;
	c = n == size ? getc(fp) : 0;
	fclose(fp);
	return c == EOF;
}

static void
write_file(const char *path, void (*content)(FILE *))
{
	char *text, temporary[64];
	size_t size;
	FILE *fp;

	if ((fp = open_memstream(&text, &size)) == NULL)
		fail(path);
	content(fp);
	fclose(fp);
	if (!same(path, text, size)) {
		snprintf(temporary, sizeof temporary, "%s.tmp", path);
		if ((fp = fopen(temporary, "w")) == NULL ||
		    fwrite(text, 1, size, fp) != size || fclose(fp) != 0 ||
		    rename(temporary, path) == -1)
			fail(path);
	}
	free(text);
}

void
write_files(const char *builddir)
{
	if (chdir(builddir) == -1)
		fail(builddir);
	write_file("opt_global.h", opt_global);
	write_file("config_file.h", config_file);
	write_file("ioconf.c", ioconf);
	write_file("swapnetbsd.c", swapnetbsd);
	write_file("compile.list", compile_list);
	write_file("makeoptions", makeoptions);
	write_file("ident", ident);
}
