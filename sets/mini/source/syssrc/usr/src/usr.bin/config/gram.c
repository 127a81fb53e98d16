/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Statements.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"

static struct word	*next;		/* what is left of the statement */
static int		 left;

struct item *
find(enum table table, const char *name)
{
	struct item *i;

	for (i = tables[table]; i != NULL; i = i->next)
		if (strcmp(i->name, name) == 0)
			break;
	return i;
}

static void
add(enum table table, const char *name, const char *value)
{
	struct item **end, *i;

	for (end = &tables[table]; *end != NULL; end = &(*end)->next)
		continue;
	*end = i = xrealloc(NULL, sizeof *i);
	i->name = xstrdup(name);
	i->value = value != NULL ? xstrdup(value) : NULL;
	i->file = cfgfile;
	i->line = cfgline;
	i->next = NULL;
}

/* Twice the same is an error, so that a derived configuration says `no' first. */
static void
add_once(enum table table, const char *what, const char *name, const char *value)
{
	struct item *i = find(table, name);

	if (i != NULL)
		cfgerror("%s `%s' already defined (%s:%d)", what, name, i->file,
		    i->line);
	else
		add(table, name, value);
}

static void
delete(enum table table, const char *what, const char *name)
{
	struct item **i;

	for (i = &tables[table]; *i != NULL; i = &(*i)->next)
		if (strcmp((*i)->name, name) == 0) {
			*i = (*i)->next;
			return;
		}
	cfgerror("%s `%s' is not defined", what, name);
}

static char *
take(const char *what)
{
	if (left > 0 && (next->type == WORD || next->type == STRING)) {
		left--;
		return (next++)->text;
	}
	cfgerror("syntax error: %s expected", what);
	left = 0;
	return NULL;
}

static bool
took(const char *word)
{
	if (left == 0 || next->type != WORD || strcmp(next->text, word) != 0)
		return false;
	left--, next++;
	return true;
}

static bool
took_sign(int type)
{
	if (left == 0 || (int)next->type != type)
		return false;
	left--, next++;
	return true;
}

static void
option(bool no, const char *name, const char *value)
{
	if (no)
		delete(OPTIONS, "option", name);
	else if (find(DEFPARAM, name) != NULL && value == NULL)
		cfgerror("option `%s' must have a value", name);
	else if (find(DEFFLAG, name) != NULL && value != NULL)
		cfgerror("option `%s' must not have a value", name);
	else if (find(DEFPARAM, name) == NULL && find(DEFFLAG, name) == NULL)
		cfgerror("unknown option `%s'", name);
	else
		add_once(OPTIONS, "option", name, value);
}

static void
file_system(bool no, const char *name)
{
	if (no)
		delete(FILESYSTEMS, "file system", name);
	else if (find(DEFFS, name) == NULL)
		cfgerror("`%s' is not a defined file system", name);
	else
		add_once(FILESYSTEMS, "file system", name, NULL);
}

/* NAME[=VALUE], ... for options and makeoptions, NAME, ... for file systems */
static void
list(enum table table, bool no)
{
	char *name, *value;

	do {
		if ((name = take("name")) == NULL)
			return;
		value = took_sign(EQUALS) ? take("value") : NULL;
		if (table == OPTIONS)
			option(no, name, value);
		else if (table == FILESYSTEMS)
			file_system(no, name);
		else if (no)
			delete(MAKEOPTIONS, "make option", name);
		else if (value == NULL)
			cfgerror("make option `%s' must have a value", name);
		else
			add_once(MAKEOPTIONS, "make option", name, value);
	} while (took_sign(COMMA));
}

/* config NAME root on DEVICE [type FILESYSTEM] [dumps on DEVICE] */
static void
config(bool no)
{
	struct kernel k = { .fstype = "?", .dumps = "?" };

	if ((k.name = take("kernel name")) == NULL)
		return;
	if (no) {
		if (kernel.name == NULL || strcmp(kernel.name, k.name) != 0)
			cfgerror("configuration `%s' is not defined", k.name);
		else
			kernel.name = NULL;
		return;
	}
	if (!took("root") || !took("on")) {
		cfgerror("syntax error: `root on' expected");
		left = 0;
		return;
	}
	k.root = take("root device");
	if (took("type"))
		k.fstype = take("file system type");
	if (took("dumps"))
		k.dumps = took("on") ? take("dump device") : NULL;
	if (k.root == NULL || k.fstype == NULL || k.dumps == NULL)
		return;
	k.file = cfgfile;
	k.line = cfgline;
	if (kernel.name != NULL)
		cfgerror("configuration `%s' already defined (%s:%d)",
		    kernel.name, kernel.file, kernel.line);
	else
		kernel = k;
}

/* DEVICE at PARENT [LOCATOR VALUE ...]: recorded as one line */
static void
device(bool no, const char *name)
{
	char *line, *word;

	line = xstrdup(name);
	while (left > 0 && (word = take("locator")) != NULL) {
		line = xrealloc(line, strlen(line) + strlen(word) + 2);
		strcat(strcat(line, " "), word);
	}
	if (no)
		delete(DEVICES, "device", line);
	else
		add_once(DEVICES, "device", line, NULL);
}

/* Files named without a leading slash lie in the kernel sources. */
static void
include(bool must, bool declares, const char *name)
{
	const char *file = cfgfile;
	int line = cfgline;
	char *path;
	FILE *fp;

	path = xrealloc(NULL, strlen(srcdir) + strlen(name) + 2);
	sprintf(path, "%s%s%s", *name == '/' ? "" : srcdir,
	    *name == '/' ? "" : "/", name);
	if ((fp = fopen(path, "r")) == NULL) {
		if (must)
			cfgerror("cannot open %s: %s", path, strerror(errno));
		return;
	}
	if (!declares)
		log_config(fp, *name == '/' ? base_name(name) : name, true);
	fclose(fp);
	parse(path, declares);
	cfgfile = file;
	cfgline = line;
}

/* machine NAME [NAME ...]: what may be said comes from the sources it names */
static void
machine(const char *name)
{
	char path[128];

	add_once(MACHINE, "machine", name, NULL);
	while (left > 0 && take("machine") != NULL)
		continue;
	include(true, true, "conf/files");
	snprintf(path, sizeof path, "arch/%s/conf/files.%s", name, name);
	include(true, true, path);
}

/* The statements of conf/files; false: not one of them. */
static bool
declaration(void)
{
	static const struct { const char *word; enum table table; } defs[] = {
		{ "defflag", DEFFLAG }, { "defparam", DEFPARAM },
		{ "deffs", DEFFS },
	};
	char *name;

	if (took("file")) {
		if ((name = take("file name")) != NULL)
			add_once(FILES, "file", name,
			    left > 0 ? take("option") : NULL);
		return true;
	}
	for (size_t i = 0; i < sizeof defs / sizeof *defs; i++)
		if (took(defs[i].word)) {
			while (left > 0 && (name = take("name")) != NULL)
				add_once(defs[i].table, "name", name, NULL);
			return true;
		}
	return false;
}

static void
statement(void)
{
	bool no = took("no");
	char *name;

	if (took("options")) {
		list(OPTIONS, no);
	} else if (took("makeoptions")) {
		list(MAKEOPTIONS, no);
	} else if (took("file-system")) {
		list(FILESYSTEMS, no);
	} else if (took("config")) {
		config(no);
	} else if (took("pseudo-device")) {
		if ((name = take("device")) == NULL)
			return;
		if (no)
			delete(PSEUDODEVICES, "pseudo-device", name);
		else
			add_once(PSEUDODEVICES, "pseudo-device", name,
			    left > 0 ? take("count") : NULL);
	} else if (left > 1 && next[1].type == WORD &&
	    strcmp(next[1].text, "at") == 0) {
		device(no, take("device"));
	} else if (no) {
		cfgerror("syntax error: nothing to take back");
		left = 0;
	} else if (took("include")) {
		if ((name = take("file name")) != NULL)
			include(true, false, name);
	} else if (took("cinclude")) {
		if ((name = take("file name")) != NULL)
			include(false, false, name);
	} else if (took("machine")) {
		if ((name = take("machine")) != NULL)
			machine(name);
	} else if (took("ident")) {
		if ((name = take("name")) != NULL)
			add_once(IDENT, "ident", name, NULL);
	} else if (took("maxusers")) {
		if ((name = take("number")) != NULL)
			add_once(MAXUSERS, "maxusers", name, NULL);
	} else {
		name = left > 0 && next->text != NULL ? next->text : "";
		cfgerror("syntax error near `%s'", name);
		left = 0;
	}
}

void
parse(const char *path, bool declares)
{
	struct source src = { .name = path };
	struct word *words = NULL;

	cfgfile = path;
	cfgline = 0;
	if ((src.fp = fopen(path, "r")) == NULL) {
		cfgerror("cannot open: %s", strerror(errno));
		return;
	}
	while ((left = scan(&src, &words)) != -1) {
		if (left == 0)
			continue;
		next = words;
		if (!(declares && declaration()))
			statement();
		if (left > 0)
			cfgerror("syntax error near `%s'",
			    next->text != NULL ? next->text :
			    next->type == EQUALS ? "=" : ",");
	}
	fclose(src.fp);
	free(words);
}

/* Is there a line for the device NAME (cd0a: a cd0 or cd*), or a pseudo-device? */
static bool
configured(const char *name)
{
	size_t base = strcspn(name, "0123456789");
	size_t unit = base + strspn(name + base, "0123456789");
	struct item *i;

	for (i = tables[DEVICES]; i != NULL; i = i->next)
		if ((strncmp(i->name, name, base) == 0 && i->name[base] == '*') ||
		    (strncmp(i->name, name, unit) == 0 && i->name[unit] == ' '))
			return true;
	for (i = tables[PSEUDODEVICES]; i != NULL; i = i->next)
		if (strlen(i->name) == base && strncmp(i->name, name, base) == 0)
			return true;
	return false;
}

/* What can only be told from the whole. */
void
crosscheck(void)
{
	struct item *i;

	if (kernel.name == NULL) {
		cfgerror("no `config' line");
		return;
	}
	cfgfile = kernel.file;
	cfgline = kernel.line;
	if (strcmp(kernel.root, "?") != 0 && !configured(kernel.root))
		cfgerror("%s says root on %s, but there's no %s", kernel.name,
		    kernel.root, kernel.root);
	for (i = tables[FILESYSTEMS]; i != NULL; i = i->next)
		if (strcasecmp(i->name, kernel.fstype) == 0)
			break;
	if (i == NULL && strcmp(kernel.fstype, "?") != 0)
		cfgerror("%s says type %s, but there's no such file system",
		    kernel.name, kernel.fstype);
}
