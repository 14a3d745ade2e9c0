# Whoever runs `streamveil keys`: create, list, rotate, rewrap and retire rings, and rotate the Transit keys.
# It sees a ring key once, as it makes it; it unwraps none that is there, takes no token back, and deletes nothing.
# No rule for a key's "config": whoever has it can make a key exportable, or allow its deletion.

path "secret/data/streamveil/rings/+" {
  capabilities = ["create", "read", "update"]
}

path "secret/metadata/streamveil/rings" {
  capabilities = ["list"]
}

path "transit/keys/streamveil-rings" {
  capabilities = ["read", "update"]
}

path "transit/keys/streamveil-rings/rotate" {
  capabilities = ["update"]
}

path "transit/datakey/plaintext/streamveil-rings" {
  capabilities = ["update"]
}

path "transit/rewrap/streamveil-rings" {
  capabilities = ["update"]
}

path "transit/keys/streamveil-tokens" {
  capabilities = ["read", "update"]
}

path "transit/keys/streamveil-tokens/rotate" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
