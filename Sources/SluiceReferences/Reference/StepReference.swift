package import SluiceCore

/// The methods of mergekit's grammar on whole tensors, one element after the other, from their formulas.
///
/// Each operation is done in Float32 and rounded to a type. Shares nothing with the product but the types of tensors.
package struct StepReference {
  /// The type that is rounded to: F32, F16 or BF16.
  package var dtype: DType
  /// The number of elements in a row.
  package var columnCount = 1
  /// Whether the tensor is a vector, which is one row and no columns.
  package var isVector = false
  /// The parameters for all.
  package var shared: [String: Double] = [:]
  /// The parameters of each input.
  package var own: [String: [Double]] = [:]

  /// Makes a reference.
  package init(_ dtype: DType) { self.dtype = dtype }

  /// The value in the type.
  package func r(_ value: Float) -> Float {
    switch dtype {
    case .bf16: Reference.float(bf16: Reference.bf16Bits(value))
    case .f16: Reference.float(f16: Reference.f16Bits(value))
    default: value
    }
  }

  func number(_ name: String) -> Float { Float(shared[name] ?? 0) }
  func holds(_ name: String) -> Bool { shared[name] ?? 0 != 0 }
  func numbers(_ name: String, _ count: Int, _ otherwise: Double) -> [Double] {
    own[name] ?? Array(repeating: otherwise, count: count)
  }

  /// Merges a tensor.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - inputs: The inputs as they are listed; without the base where it is one in the method's sense.
  ///   - base: The base.
  ///   - name: The tensor's name, for what is drawn.
  /// - Returns: The merged weights before they are rounded to the written type.
  package func merge(
    _ method: String, _ inputs: [[Float]], base: [Float]? = nil, name: String = ""
  ) -> [Float] {
    let inputs = inputs.map { $0.map(r) }
    let base = base?.map(r)
    switch method {
    case "linear": return linear(inputs)
    case "passthrough":
      guard let scale = own["scale"]?.first else { return inputs[0] }
      return inputs[0].map { r($0 * Float(scale)) }
    case "nearswap": return nearSwap(inputs[0], base ?? [])
    case "slerp": return slerp(base ?? [], inputs[0])
    case "nuslerp": return nuslerp(inputs, base)
    case "multislerp": return multislerp(inputs, base)
    case "karcher": return karcher(inputs)
    case "model_stock": return modelStock(inputs, base ?? [])
    case "ramplus_tl": return ramPlus(inputs, base ?? [])
    case "sce": return sce(inputs, base ?? [])
    case "arcee_fusion": return arceeFusion(inputs[0], base ?? [])
    case "ram": return ram(inputs, base ?? [])
    default: return taskVectors(method, inputs, base ?? [], name)
    }
  }

  private func linear(_ inputs: [[Float]]) -> [Float] {
    let weights = numbers("weight", inputs.count, 1).map { Float($0) }
    var whole: Float = 0
    for weight in weights { whole += weight }
    return inputs[0].indices.map { index in
      var sum: Float = 0
      for (input, weight) in zip(inputs, weights) { sum = sum.addingProduct(input[index], weight) }
      return r(holds("normalize") ? sum / whole : sum)
    }
  }

  private func nearSwap(_ other: [Float], _ base: [Float]) -> [Float] {
    zip(base, other).map { a, b in
      let distance = max(r(r(a - b).magnitude), r(1e-6))
      let share = min(max(r(r(1 / distance) * number("t")), 0), 1)
      return r(r(share * b) + r(r(1 - share) * a))
    }
  }

  private func ram(_ inputs: [[Float]], _ base: [Float]) -> [Float] {
    let least = r(number("epsilon"))
    return base.indices.map { index in
      let deltas = inputs.map { r($0[index] - base[index]) }
      let active = deltas.filter { $0.magnitude > least }
      var sum: Float = 0
      for delta in active { sum += r(delta / Float(active.count)) }
      return r(base[index] + r(sum))
    }
  }
}
