"""The wire as a source: devices, the pump that moves frames into a spool, and what is known of losses."""
