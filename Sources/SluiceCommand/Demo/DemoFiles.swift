internal import SluiceCore
internal import SluiceFormats

/// What some methods read beside the models (docs/reference/extra-files.md), made up for the demo's
/// family: nobody ran the models, so the figures mean nothing, but every recipe has what it needs.
struct DemoFiles {
  let linearTensors: [PlannedTensor]

  /// Writes the files of the demo's two models.
  func write(to directory: String, models: [String]) throws {
    try Directory.create(directory)
    for (position, model) in models.enumerated() {
      try writeMatrices("\(directory)/\(model)-grams.safetensors", seed: UInt64(position + 1))
      try writeNorms("\(directory)/\(model)-activations.safetensors", seed: UInt64(position + 1))
    }
    for (name, text) in DemoFiles.texts {
      try AtomicFile.write(Array(text.utf8), to: "\(directory)/\(name)")
    }
  }

  private static let texts = [
    ("losses.json", "{\"base\": 2.0, \"math\": 1.25, \"law\": 1.5}\n"),
    (
      "coefficients.json",
      """
      {"math": 0.4, "law": {"default": 0.3, "tensors": {"model.norm.weight": 0.2}}}

      """
    ),
    ("scores.json", "{\"math\": 0.61, \"law\": 0.6, \"math+law\": 0.63}\n"),
  ]

  private func writeNorms(_ path: String, seed: UInt64) throws {
    try write(path, shape: { [$0] }) { name, count in
      let inputs = Inputs(name, count, seed: seed)
      return (0..<count).flatMap { DemoFiles.bytes(inputs.product($0, $0).squareRoot()) }
    }
  }

  private func writeMatrices(_ path: String, seed: UInt64) throws {
    try write(path, shape: { [$0, $0] }) { name, count in
      let inputs = Inputs(name, count, seed: seed)
      var bytes: [UInt8] = []
      bytes.reserveCapacity(count * count * 4)
      for row in 0..<count {
        for column in 0..<count { bytes += DemoFiles.bytes(inputs.product(row, column)) }
      }
      return bytes
    }
  }

  private func write(
    _ path: String, shape: (Int) -> [Int], _ content: (String, Int) -> [UInt8]
  ) throws {
    let columns = Dictionary(
      uniqueKeysWithValues: linearTensors.map { ($0.name, $0.shape.dimensions.last ?? 0) })
    let planned = linearTensors.compactMap { tensor in
      TensorShape(shape(columns[tensor.name] ?? 0)).map {
        PlannedTensor(name: tensor.name, dtype: .f32, shape: $0)
      }
    }
    guard let shard = try ShardLayout.plan(planned, shardByteLimit: 1 << 40).shards.first
    else { return }
    let file = try AtomicFile(to: path)
    try file.append(shard.header)
    for tensor in shard.tensors { try file.append(content(tensor.name, columns[tensor.name] ?? 0)) }
    try file.publish()
  }

  private static func bytes(_ number: Float) -> [UInt8] {
    let bits = number.bitPattern
    return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: bits >> $0) }
  }

  /// Made-up inputs of a layer, independent but for their means.
  ///
  /// Formula: E[x y] = m(x) m(y), plus the variance where x is y. So the matrix is positive definite,
  /// and no sum over tokens is needed.
  private struct Inputs {
    private let means: [Float]
    private let variances: [Float]

    init(_ name: String, _ count: Int, seed: UInt64) {
      var numbers = DemoNumbers(named: name, seed: seed)
      means = (0..<count).map { _ in numbers.next() * 0.3 }
      variances = (0..<count).map { _ in
        let deviation = 0.5 + numbers.next().magnitude
        return deviation * deviation
      }
    }

    func product(_ a: Int, _ b: Int) -> Float {
      means[a] * means[b] + (a == b ? variances[a] : 0)
    }
  }
}
