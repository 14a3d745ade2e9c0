"""Everything that the Vault client raises.

None of these holds a token, a response body, a plaintext, a ciphertext, or Vault's own error text, which may quote any
of them; none has a context or a cause. What a text may name: Vault's address, the path, the status, the operation, and
a setting.

    VaultError
    ├── VaultSettingsError     a file that the settings name cannot be used
    ├── VaultUnavailable       no usable answer within the deadline: wait, and call again
    ├── VaultRefused           no permission, a refused login, or certificates that one side distrusts: stop
    ├── VaultNotFound          nothing is at the path: 404, or a Transit key that does not exist
    ├── VaultRejected          400 and other 4xx: Vault will not do this
    │   └── VaultConflict      check-and-set did not match
    └── VaultProtocolError     an answer that no Vault gives, or a redirect to another host
"""

from __future__ import annotations


class VaultError(Exception):
    """Anything that went wrong between us and Vault."""


class VaultSettingsError(VaultError):
    """A file that the settings name cannot be used; the text names the setting."""


class VaultUnavailable(VaultError):
    """No usable answer within the deadline: sealed, 412, 429, 472, 473, 5xx, timeouts, resets. It may pass."""


class VaultRefused(VaultError):
    """Vault does not let us. Waiting does not help; an operator has to act."""


class VaultNotFound(VaultError):
    """Nothing is at the path: a secret that is absent or deleted, a Transit key that does not exist."""


class VaultRejected(VaultError):
    """Vault will not do what it was asked for, and would not a second time."""


class VaultConflict(VaultRejected):
    """The secret is at another version than check-and-set expected."""


class VaultProtocolError(VaultError):
    """The other side does not answer as Vault does. Waiting does not help."""
