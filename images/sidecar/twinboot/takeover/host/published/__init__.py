"""The published files as the install services see them, and nothing outside of them.

altered     Files of install trees that are known not to be as their manifest says
boot_files  The files of the TFTP service, resolved as tftpd resolves them in its chroot
contents    What is in published files, by SHA-256: an install tree's from its manifest, others' read here
listing     Directory listings as vsftpd's LIST and NLST send them (RFC 959 section 4.1.3), byte for byte
tree        The published tree as the FTP and HTTP servers see it; nothing outside of it is accessible
"""
