"""The store: everything that persists between runs.

build/store/
    blobs/ab/ab12…      content, named by its SHA-256; sealed: mode 0444, fixed time
    packs/ab/ab56…      the contents of a tree's files, sealed likewise; their index is ab56….idx
    records/ab/ab34….json  a finished stage: its key document and its outputs
    last/NAME           the key under which stage NAME was last up to date; its characters are
                        quoted as in a URL, and before it is the release: mini%2Froot%3Adom0
    seal.json, seal.mark  by which this store knows its own files
    glance-….json       what the last run looked at
    tmp/                files being written; emptied when a run starts
    seen.json           digests of files of the checkout and of tools, by stat signature
    lock                held by the run that may write
"""
