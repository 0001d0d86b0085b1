"""FTP, HTTP and TFTP as seen on the wire from both sides.

ftp             The session state of one FTP control connection, from what is seen on the wire (RFC 959,
                2428, 3659)
ftp_ports       The port of an FTP data connection, as commands and replies name it (RFC 959, RFC 2428)
http            One HTTP/1 connection as seen on the wire: which request is being answered, and where (RFC
                9112)
http_heads      Heads of HTTP/1 messages, as they are on the wire: requests and responses (RFC 9112)
http_ranges     Answers with several ranges of one file (RFC 9110 section 14.6), as nginx writes them
tftp            Tracks the TFTP downloads of the addresses held here, for the peers to continue them (RFC
                1350)
tftp_download   One TFTP download, as servers tell each other of it: the file, the terms, and how far the
                client is
tftp_options    What a TFTP request asks for, and what the server's OACK grants (RFC 1350, 2347, 2348, 2349)
tftp_packets    TFTP's packets (RFC 1350 section 5, RFC 2347), in the frames that carry them
tftp_peers      What the other servers have told of their TFTP downloads, and how old it can be
tftp_sender     Goes on with one TFTP download of a server that died: which block to send now
vsftpd_replies  vsftpd's replies, byte for byte: to send them in its place, and to predict what it had sent
vsftpd_texts    The texts of vsftpd's replies, and whether what an FTP server says is among them
"""
