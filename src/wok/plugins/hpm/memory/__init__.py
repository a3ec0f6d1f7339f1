"""Pure: how memory moves between guests (balloons) and is shared by them (KSM); the policy language of oVirt MOM."""
