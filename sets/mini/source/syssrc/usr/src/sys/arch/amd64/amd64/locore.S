/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Where Xen enters, as a PV or as a PVH domain, and the notes that tell it so.
 */
#include <vmparam.h>

#define	PHYS(x)	((x) - KERNBASE)

/* xen/include/public/elfnote.h */
#define	XEN_ELFNOTE_ENTRY		1
#define	XEN_ELFNOTE_HYPERCALL_PAGE	2
#define	XEN_ELFNOTE_VIRT_BASE		3
#define	XEN_ELFNOTE_PADDR_OFFSET	4
#define	XEN_ELFNOTE_XEN_VERSION		5
#define	XEN_ELFNOTE_GUEST_OS		6
#define	XEN_ELFNOTE_GUEST_VERSION	7
#define	XEN_ELFNOTE_LOADER		8
#define	XEN_ELFNOTE_PAE_MODE		9
#define	XEN_ELFNOTE_PHYS32_ENTRY	18

	.macro	NOTE type, value:vararg
	.balign	4
	.long	4, 9f - 8f, \type
	.asciz	"Xen"
8:	\value
9:	.balign	4
	.endm

	.section .note.Xen, "a", @note
	NOTE	XEN_ELFNOTE_GUEST_OS,		.asciz "goldmaster mini"
	NOTE	XEN_ELFNOTE_GUEST_VERSION,	.asciz "1"
	NOTE	XEN_ELFNOTE_XEN_VERSION,	.asciz "xen-3.0"
	NOTE	XEN_ELFNOTE_LOADER,		.asciz "generic"
	NOTE	XEN_ELFNOTE_VIRT_BASE,		.quad KERNBASE
	NOTE	XEN_ELFNOTE_PADDR_OFFSET,	.quad 0
	NOTE	XEN_ELFNOTE_ENTRY,		.quad start
	NOTE	XEN_ELFNOTE_HYPERCALL_PAGE,	.quad hypercall_page
	NOTE	XEN_ELFNOTE_PAE_MODE,		.asciz "yes"
	NOTE	XEN_ELFNOTE_PHYS32_ENTRY,	.quad PHYS(start_pvh)

	.text
	.globl	hypercall_page
	.balign	PAGE_SIZE
hypercall_page:
	.fill	PAGE_SIZE, 1, 0xcc	/* Xen writes the calls here */

/* PV: 64-bit, mapped at KERNBASE; %rsi = start_info */
	.globl	start
start:
	cld
	mov	$stack_top, %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi
	call	init_pv

/* PVH: 32-bit, flat segments, no paging; %ebx = physical hvm_start_info */
	.code32
start_pvh:
	cld
	/* 2 MB pages for the first 4 GB: the carry out of the address ends it */
	mov	$PHYS(page_directory), %edi
	mov	$0x83, %eax			/* present, writable, large */
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	1b
	mov	$PHYS(page_tables) + PAGE_SIZE, %edi
	mov	$PHYS(page_directory) + 3, %eax
	mov	$4, %ecx
2:	mov	%eax, (%edi)
	add	$8, %edi
	add	$PAGE_SIZE, %eax
	loop	2b
	/* the same table serves the identity map and, at 510, KERNBASE */
	movl	$PHYS(page_directory) + 3, PHYS(page_tables) + PAGE_SIZE + 510 * 8
	movl	$PHYS(page_tables) + PAGE_SIZE + 3, PHYS(page_tables)
	movl	$PHYS(page_tables) + PAGE_SIZE + 3, PHYS(page_tables) + 511 * 8

	mov	%cr4, %eax
	or	$0x20, %eax			/* PAE */
	mov	%eax, %cr4
	mov	$PHYS(page_tables), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx		/* EFER */
	rdmsr
	or	$0x100, %eax			/* LME */
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax		/* PG */
	mov	%eax, %cr0
	lgdt	PHYS(gdt_register)
	ljmp	$8, $PHYS(3f)

	.code64
3:	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%ebx, %edi
	mov	$4f, %rax			/* up to KERNBASE */
	jmp	*%rax
4:	mov	$stack_top, %rsp
	xor	%ebp, %ebp
	call	init_pvh

	.section .rodata
	.balign	8
gdt:	.quad	0
	.quad	0x00af9b000000ffff		/* code, 64-bit */
	.quad	0x00cf93000000ffff		/* data */
gdt_register:
	.word	. - gdt - 1
	.long	PHYS(gdt)

	.bss
	.balign	PAGE_SIZE
page_tables:					/* levels 4 and 3 */
	.skip	2 * PAGE_SIZE
page_directory:					/* level 2 */
	.skip	4 * PAGE_SIZE
stack:
	.skip	2 * PAGE_SIZE
stack_top:

	.section .note.GNU-stack, "", @progbits
