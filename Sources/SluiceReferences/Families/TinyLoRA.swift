package import SluiceCore
internal import SluiceFormats

/// A LoRA adapter for all linear layers of a tiny model, as PEFT writes it.
package struct TinyLoRA: Sendable {
  /// The rank.
  package var rank: Int
  /// What the products are multiplied by, times the rank.
  package var alpha: Double
  /// The type of the factors.
  package var dtype = DType.f32
  private let seed: UInt64

  /// Describes an adapter.
  package init(rank: Int, alpha: Double, seed: UInt64, dtype: DType = .f32) {
    self.rank = rank
    self.alpha = alpha
    self.seed = seed
    self.dtype = dtype
  }

  /// The tensors of a model that the adapter changes: the matrices inside blocks.
  package static func names(of base: TinyModel) -> [String] {
    base.tensors.filter { $0.shape.rank == 2 && $0.name.contains("layers.") }.map(\.name)
  }

  /// The factors of a tensor, row by row: rank x inputs, and outputs x rank.
  package func factors(of tensor: TinyTensor) -> (a: TinyTensor, b: TinyTensor) {
    let (rows, columns) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
    let module = "base_model.model.\(tensor.name.dropLast(".weight".count))"
    func noise(_ name: String, _ shape: [Int], _ size: Double) -> TinyTensor {
      var hash = seed
      for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      var generator = RepeatableGenerator(seed: hash)
      let values = (0..<shape[0] * shape[1]).map { _ in
        Double(Int(generator.next() >> 40) - 1 << 23) / 0x1p23 * size
      }
      return TinyTensor(name, dtype, shape, values: values)
    }
    return (
      noise("\(module).lora_A.weight", [rank, columns], 0.1),
      noise("\(module).lora_B.weight", [rows, rank], 0.02)
    )
  }

  /// Writes the adapter.
  ///
  /// - Parameters:
  ///   - base: The model that it is for.
  ///   - directory: Where it goes.
  /// - Throws: If it cannot be written.
  package func write(for base: TinyModel, to directory: String) throws {
    let tensors = TinyLoRA.names(of: base).compactMap { base[$0] }.flatMap { tensor in
      let factors = factors(of: tensor)
      return [factors.a, factors.b]
    }
    try Directory.create(directory)
    try AtomicFile.write(
      TinyModel.safetensors(tensors), to: "\(directory)/adapter_model.safetensors")
    let config = #"{"peft_type": "LORA", "r": \#(rank), "lora_alpha": \#(alpha)}"#
    try AtomicFile.write(Array(config.utf8), to: "\(directory)/adapter_config.json")
  }
}
