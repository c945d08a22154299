"""Stand-ins for the SaaS products that cannot run on one machine: HubSpot CRM and Kantata OX.

They refuse what the product refuses and are idempotent only where the product is, so a connector that
works here has met the rules it will meet outside. Each rule cites where it comes from with a tag:
``[C]`` the vendor's own published text or code, ``[3P]`` a third party, ``[GK]`` not confirmed.
"""
