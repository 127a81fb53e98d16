/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The screen, in the text mode in which Xen leaves it.
 */
#include <sys/systm.h>

#include <hypervisor.h>
#include <vmparam.h>

#define	VGA_TEXT	0xb8000UL
#define	COLUMNS		80
#define	ROWS		25
#define	BLANK		0x0720		/* grey on black */

static volatile uint16_t *screen;
static unsigned row, column;
static char window[PAGE_SIZE] __attribute__((__aligned__(PAGE_SIZE)));

void
vga_cnattach(void)
{
	if (bootinfo.pvh)		/* the first megabyte is the machine's */
		screen = (volatile uint16_t *)VGA_TEXT;
	else {
		hypervisor_map(window, 0, VGA_TEXT / PAGE_SIZE);
		screen = (volatile uint16_t *)(void *)window;
	}
	for (unsigned n = 0; n < ROWS * COLUMNS; n++)
		screen[n] = BLANK;
}

static void
vga_newline(void)
{
	column = 0;
	if (row < ROWS - 1) {
		row++;
		return;
	}
	for (unsigned n = 0; n < ROWS * COLUMNS; n++)
		screen[n] = n < (ROWS - 1) * COLUMNS ? screen[n + COLUMNS] :
		    BLANK;
}

void
vga_cnwrite(const char *s, size_t n)
{
	for (; n > 0; n--, s++) {
		if (column == COLUMNS || *s == '\n')
			vga_newline();
		if (*s != '\n')
			screen[row * COLUMNS + column++] =
			    (uint16_t)((BLANK & 0xff00) |
			    (*s == '\t' ? ' ' : (uint8_t)*s));
	}
}
