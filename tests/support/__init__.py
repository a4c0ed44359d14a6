"""What the integration tests stand on: a network of their own, a Postfix, a mxwardend, and clients for both."""
