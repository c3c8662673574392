"""A small WhatsApp server for tests: the real engine links, sends and receives against it with no network.

    tokens, nodes, protobuf   how a stanza is written; the word tables are read from the engine's own binary
    curve, noise, pki         keys, the handshake, TLS under a private authority
    transport, connection     CONNECT proxy, websocket, one client's frames
    accounts, server          who exists, and which stanza goes where
    pairing, queries, groups, relay, media
                              what the server answers and passes on
    ratchet, senderkey        Signal, as much of it as a contact needs
    contact, phone            people: virtual contacts, and the phone that owns the linked account
    shadow, double            the engine package with our root key, and the handle a test holds

Nothing in the product knows of it: a worker meets it by three environment variables (`Double.environment`).
"""
