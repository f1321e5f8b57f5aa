"""What we tell other programs: signed webhooks. (Mails go out by transports/; inbound/ is what we hear.)"""
