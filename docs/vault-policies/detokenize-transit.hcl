# A service whose chain has `Detokenize` with `mode=transit`: take tokens back, and make none.

path "transit/decrypt/streamveil-tokens*" {
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
