"""The published files: tree (FTP and HTTP), listing (FTP directories), boot_files (TFTP)."""
