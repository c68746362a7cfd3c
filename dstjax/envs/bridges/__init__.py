"""Bridges to other libraries' environments; each module imports its library, nothing else imports these modules."""
