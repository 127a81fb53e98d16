/*
 * Copyright (c) The goldmaster authors.
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * xbd: disks that another domain has for this one, one request at a time.
 */
#include <sys/disk.h>

#include <evtchn.h>
#include <vmparam.h>
#include <xenbus.h>
#include <xengnt.h>

#define	NDISKS		16
#define	PATIENCE	(30 * SECONDS)
#define	INTERVAL	(SECONDS / 100)
#define	NSLOTS		(sizeof ((struct blkif_sring *)0)->ring / \
			    sizeof *((struct blkif_sring *)0)->ring)
#define	PAGE_SECTORS	(PAGE_SIZE / DEV_BSIZE)
#define	NOTHING		(~0UL)

static union {
	struct blkif_sring	sring;
	char			page[PAGE_SIZE];
} rings[NDISKS] __attribute__((__aligned__(PAGE_SIZE)));
static char buffers[NDISKS][PAGE_SIZE] __attribute__((__aligned__(PAGE_SIZE)));

static struct xbd_softc {
	unsigned long	sectors;
	uint64_t	buffered;	/* page of the disk in the buffer */
	uint32_t	buffer_ref, evtchn, answers;
	bool		gone;
} softc[NDISKS];

unsigned	ndisks;

static bool
wait_for_state(const char *backend, enum xenbus_state wanted)
{
	uint64_t until = xen_clock() + PATIENCE;
	unsigned long state;

	while (xenbus_read_ul(backend, "state", &state) && state <= wanted) {
		if (state == wanted)
			return true;
		if (xen_clock() > until)
			break;
		xen_sleep(INTERVAL);
	}
	return false;
}

/* Tell the backend where ring and event channel are, and wait until it has them. */
static bool
connect(struct xbd_softc *sc, struct blkif_sring *sring, const void *buffer,
    const char *frontend, const char *backend)
{
	unsigned long domid;

	if (!xenbus_read_ul(frontend, "backend-id", &domid) ||
	    !wait_for_state(backend, XenbusStateInitWait) ||
	    (sc->evtchn = evtchn_alloc((uint16_t)domid)) == 0)
		return false;
	sring->req_event = sring->rsp_event = 1;
	sc->buffer_ref = xengnt_grant_access((uint16_t)domid, buffer);
	return xenbus_printf(frontend, "ring-ref", "%u",
	    xengnt_grant_access((uint16_t)domid, sring)) &&
	    xenbus_printf(frontend, "event-channel", "%u", sc->evtchn) &&
	    xenbus_printf(frontend, "protocol", "x86_64-abi") &&
	    xenbus_printf(frontend, "state", "%u", XenbusStateInitialised) &&
	    wait_for_state(backend, XenbusStateConnected) &&
	    xenbus_read_ul(backend, "sectors", &sc->sectors) &&
	    xenbus_printf(frontend, "state", "%u", XenbusStateConnected);
}

/* One that does not attach keeps its number, so that the next has its own. */
void
xbd_xenbus_attach(const char *id)
{
	unsigned unit = ndisks;
	struct xbd_softc *sc = &softc[unit];
	char frontend[64], backend[64];
	unsigned long size = DEV_BSIZE, info = 0;

	if (unit == NDISKS)
		return;
	ndisks++;
	printf("xbd%u at xenbus0 id %s: Xen Virtual Block Device Interface\n",
	    unit, id);
	snprintf(frontend, sizeof frontend, "device/vbd/%s", id);
	if (!xenbus_read(frontend, "backend", backend, sizeof backend) ||
	    !connect(sc, &rings[unit].sring, buffers[unit], frontend, backend)) {
		printf("xbd%u: the backend does not connect\n", unit);
		sc->sectors = 0;
		return;
	}
	xenbus_read_ul(backend, "sector-size", &size);
	xenbus_read_ul(backend, "info", &info);
	sc->buffered = NOTHING;
	printf("xbd%u: %lu KB, %lu bytes/sect x %lu sectors%s\n", unit,
	    sc->sectors * DEV_BSIZE >> 10, size, sc->sectors * DEV_BSIZE / size,
	    (info & VDISK_READONLY) != 0 ? ", read-only" : "");
}

/* Between the buffer and the disk.  One that does not answer is not asked again. */
static bool
transfer(unsigned unit, uint8_t operation, uint64_t sector, unsigned count)
{
	struct xbd_softc *sc = &softc[unit];
	struct blkif_sring *sring = &rings[unit].sring;
	uint64_t until = xen_clock() + PATIENCE;
	struct blkif_request *req = &sring->ring[sring->req_prod % NSLOTS].req;

	if (sc->gone)
		return false;
	req->operation = operation;
	req->nr_segments = 1;
	req->handle = 0;
	req->id = sring->req_prod;
	req->sector_number = sector;
	req->seg[0].gref = sc->buffer_ref;
	req->seg[0].first_sect = 0;
	req->seg[0].last_sect = (uint8_t)(count - 1);
	sring->rsp_event = sc->answers + 1;
	__atomic_store_n(&sring->req_prod, sring->req_prod + 1, __ATOMIC_RELEASE);
	evtchn_notify(sc->evtchn);
	while (__atomic_load_n(&sring->rsp_prod, __ATOMIC_ACQUIRE) == sc->answers)
		if (!evtchn_wait(sc->evtchn, until)) {
			printf("xbd%u: the backend does not answer\n", unit);
			sc->gone = true;
			return false;
		}
	return sring->ring[sc->answers++ % NSLOTS].rsp.status == BLKIF_RSP_OKAY;
}

static bool
fill_buffer(unsigned unit, uint64_t page)
{
	struct xbd_softc *sc = &softc[unit];
	uint64_t start = page * PAGE_SECTORS;

	if (sc->buffered == page)
		return true;
	if (start >= sc->sectors)
		return false;
	sc->buffered = NOTHING;
	if (!transfer(unit, BLKIF_OP_READ, start, (unsigned)(sc->sectors - start <
	    PAGE_SECTORS ? sc->sectors - start : PAGE_SECTORS)))
		return false;
	sc->buffered = page;
	return true;
}

/* Any bytes of a disk.  False: they are not all there, or cannot be read. */
bool
disk_read(unsigned unit, uint64_t offset, void *to, size_t size)
{
	char *p = to;
	size_t within, n;

	if (unit >= ndisks || offset + size > softc[unit].sectors * DEV_BSIZE ||
	    offset + size < offset)
		return false;
	for (; size > 0; p += n, offset += n, size -= n) {
		if (!fill_buffer(unit, offset / PAGE_SIZE))
			return false;
		within = offset % PAGE_SIZE;
		n = PAGE_SIZE - within < size ? PAGE_SIZE - within : size;
		memcpy(p, buffers[unit] + within, n);
	}
	return true;
}

/*
 * One sector.  A disk that is read-only is asked all the same: that it refuses
 * is not for its user to decide.
 */
bool
disk_write(unsigned unit, uint64_t sector, const void *data)
{
	if (unit >= ndisks || sector >= softc[unit].sectors)
		return false;
	softc[unit].buffered = NOTHING;
	memcpy(buffers[unit], data, DEV_BSIZE);
	return transfer(unit, BLKIF_OP_WRITE, sector, 1);
}
