# The header of a safetensors file with `count` tensors of four BF16 numbers.
BEGIN {
  printf "{"
  for (i = 0; i < count; i++) {
    printf "%s\"model.layers.%d.mlp.experts.%d.up_proj.weight\":", (i ? "," : ""), int(i / 1000), i % 1000
    printf "{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[%d,%d]}", i * 8, i * 8 + 8
  }
  printf "}"
}
