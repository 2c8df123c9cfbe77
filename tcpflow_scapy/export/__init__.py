"""Stage out: what was found, as files. Nothing here decides anything; names come from numbers.

`names` is tcpflow's language for file names, `folder` and `whole_file` write without overwriting and
without halves, `payload` and `files` write streams, `tables` the table of flows, `pcap` its frames.
"""
