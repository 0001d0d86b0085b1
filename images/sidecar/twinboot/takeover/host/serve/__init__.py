"""Sessions that go on here: FTP, HTTP and TFTP after a takeover.

ftp_data      FTP data connections of a taken-over session: those taken over, and those negotiated here
ftp_session   An FTP session after its takeover, continued from the dead server's state until the client
              ends it
http_session  An HTTP connection after its takeover: the rest of the responses, then this server's own HTTP
              service
lost_input    How long a client's input is waited for that may have been lost with its server
sending       Sends the pieces of a plan on a rebuilt connection: bytes as they are, files by sendfile(2)
tftp_sending  Sends one TFTP download from where its client is: socket and file around tftp_sender
tftp_session  Takes over the TFTP downloads of an address that was claimed here
"""
