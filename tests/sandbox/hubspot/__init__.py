"""A stand-in for HubSpot CRM v3: companies, deals, quotes, line items and signed webhooks."""
