"""The stack's Pulumi program: what exists in Azure."""
