"""The lab's directory: a read-only LDAP server that tells what the CA publishes (RFC 4510 and its like)."""
