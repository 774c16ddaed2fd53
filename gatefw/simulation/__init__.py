"""The same devices in software, with physics and a memory; visitors, scenarios, the yard. Ships in the package."""
