"""Protocol state from what is seen on the wire: ftp, vsftpd_replies, http, http_heads, tftp."""
