/// The files that the installed PyTorch wrote (`Tests/Fixtures/torch/generate.py`).
package enum TorchFixtures {
  /// One family of models in every layout: in each folder `base`, `math` and `law`, each as
  /// `pytorch_model.bin` or shards, and as `expected.safetensors`.
  package static let families = [
    "contiguous", "parameters", "transposed", "transposed-f32", "shared", "sliced", "sliced-f64",
    "expanded", "metadata", "plain", "protocol3", "no-crc", "aligned-4096", "sharded",
  ]

  /// Sound PyTorch files that are refused, with what the message must contain.
  package static let refused = [
    "legacy": "in the format from before version 1.6",
    "protocol4": "protocol 4; sluice reads protocols 2 and 3",
    "protocol5": "protocol 5; sluice reads protocols 2 and 3",
    "training": "tensor epoch: expected a tensor, found an integer",
    "number": "tensor a: expected a tensor, found an integer",
    "tensor": "expected a dictionary of tensors, found a tensor",
    "list": "expected a dictionary of tensors, found a list",
    "quantised": "torch._utils._rebuild_qtensor: quantised tensors are not read",
    "sparse": "torch._utils._rebuild_sparse_tensor: only plain, dense tensors are read",
    "complex128": "torch.ComplexDoubleStorage: not a type that is read",
    "conjugated": "conjugated, negated or otherwise not plain",
    "meta": "torch._utils._rebuild_meta_tensor_no_storage: only plain, dense tensors are read",
    "float4": "torch.float4_e2m1fn_x2: not a type that is read",
    "module": "it names torch.nn.modules.linear.Linear; nothing but tensors is read",
    "script": "compressed (method 8)",
  ]

  /// The path of a file or folder among the fixtures.
  package static func path(_ name: String) -> String {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    return "/\(root)/Tests/Fixtures/torch/\(name)"
  }
}
