# `streamveil run`, `apply` and `forget` with key rings that are kept in Vault: read a ring, unwrap its keys.
# Nothing is created or changed. Name the rings instead of "+" where a service needs only some of them.

path "secret/data/streamveil/rings/+" {
  capabilities = ["read"]
}

path "transit/keys/streamveil-rings" {
  capabilities = ["read"]
}

path "transit/decrypt/streamveil-rings" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
