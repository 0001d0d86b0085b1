"""Serves what was taken over: ftp_session, ftp_data, http_session, tftp_session, sending."""
