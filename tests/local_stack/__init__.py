"""The local default: instances, emulator, packaging, the ERP's module."""
