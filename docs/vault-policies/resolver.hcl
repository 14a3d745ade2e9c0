# The few who may run `streamveil resolve`: take tokens back, of every mode. `lookup-self` says who asked, for the
# audit record.

path "secret/data/streamveil/rings/+" {
  capabilities = ["read"]
}

path "transit/keys/streamveil-rings" {
  capabilities = ["read"]
}

path "transit/decrypt/streamveil-rings" {
  capabilities = ["update"]
}

path "transit/keys/streamveil-tokens*" {
  capabilities = ["read"]
}

path "transit/decrypt/streamveil-tokens*" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
