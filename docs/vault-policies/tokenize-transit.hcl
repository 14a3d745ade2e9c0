# A service whose chain has `Tokenize` with `mode=transit`: make tokens, and not take one back.
# "update" alone: with "create", an encryption under a mistyped name would make a new key.

path "transit/encrypt/streamveil-tokens*" {
  capabilities = ["update"]
}

path "transit/keys/streamveil-tokens*" {
  capabilities = ["read"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
