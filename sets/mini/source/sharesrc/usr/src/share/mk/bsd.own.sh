# shellcheck shell=sh disable=SC2034	# read by whoever includes this
# Copyright (c) The goldmaster authors.
# SPDX-License-Identifier: BSD-2-Clause
#
# bsd.own.sh -- what a build does unless it is told otherwise

: "${MKREPRO:=no}"		# yes: nothing of when, where and by whom
: "${MAKEVERBOSE:=2}"		# 0: quiet, 1: say what is done, 2: and how

# The kernel's compiler knows nothing of the host: no headers, no start files,
# no position independence, no SSE, no notes about itself.
: "${COPTS:=-O2}"
: "${DEBUG:=-g0}"
KERNEL_CFLAGS='-std=c11 -Wall -Wextra -nostdinc -ffreestanding -fno-pic
 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-stack-protector
 -fcf-protection=none -fno-asynchronous-unwind-tables -fno-ident'
KERNEL_LDFLAGS='-m elf_x86_64 -nostdlib --build-id=none -z max-page-size=0x1000'
KERNEL_INCLUDES='arch/amd64/include arch/xen/include ufs/ffs'
KERNEL_LDSCRIPT=arch/amd64/conf/kern.ldscript.Xen
