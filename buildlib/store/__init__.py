"""What lasts between runs: content, records, locks; and what touches the host: processes, clock.

    build/store/
        blobs/ab/ab12…      content, named by its SHA-256; sealed: mode 0444, fixed time
        packs/ab/ab56…      the contents of a tree's files, sealed likewise
        records/ab/ab34…    one JSON document a finished stage: its key document and its outputs
        last/NAME           the key under which stage NAME was last up to date
        tmp/                being written; emptied when a run starts
        seen.json           digests of files of the checkout and of tools, by stat signature
        lock                held by the one run that may write
"""
