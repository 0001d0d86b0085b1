"""FTP, HTTP and TFTP as seen on the wire from both sides.

ftp             The session state of one FTP control connection, from what is seen on the wire (RFC 959,
                2428, 3659)
http            One HTTP/1 connection as seen on the wire: which request is being answered, and where (RFC
                9112)
http_heads      Heads of HTTP/1 messages, as they are on the wire: requests and responses (RFC 9112)
http_ranges     Answers with several ranges of one file (RFC 9110 section 14.6), as nginx writes them
tftp            The state of TFTP downloads that a peer needs to continue them (RFC 1350, 2347, 2348)
vsftpd_replies  vsftpd's replies, byte for byte: to send them in its place, and to predict what it had sent
vsftpd_texts    The texts of vsftpd's replies, and whether what an FTP server says is among them
"""
