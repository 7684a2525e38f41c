internal import SluiceCore

extension TinyTensor {
  /// The matrices of a stack of experts, each under the name that it has as a tensor of its own; the
  /// tensor itself if it is none.
  package var matrices: [TinyTensor] {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let extents = shape.dimensions
    guard extents.count == 3, let index = parts.firstIndex(of: "experts"),
      let matrix = TensorShape([extents[1], extents[2]]), extents[0] > 0
    else { return [self] }
    let own = parts[(index + 1)...].filter { $0 != "weight" }.joined(separator: ".")
    let byteCount = bytes.count / extents[0]
    return (0..<extents[0]).map { expert in
      TinyTensor(
        name: parts[...index].joined(separator: ".") + ".\(expert).\(own).weight", dtype: dtype,
        shape: matrix, bytes: Array(bytes[expert * byteCount..<(expert + 1) * byteCount]))
    }
  }
}

extension TinyModel {
  /// The same model with a tensor for each expert.
  package var unstacked: TinyModel {
    TinyModel(tensors: tensors.flatMap(\.matrices), config: config)
  }

  /// Puts the matrices of a model's experts together again.
  ///
  /// - Parameter original: A model with the stacks.
  /// - Returns: The tensors in the order of names.
  func restacked(like original: TinyModel) -> TinyModel {
    var tensors: [TinyTensor] = []
    var joined: Set<String> = []
    for stack in original.tensors {
      let names = stack.matrices.map(\.name)
      guard names != [stack.name] else { continue }
      let own = names.compactMap { self[$0] }
      joined.formUnion(names)
      guard let first = own.first, own.count == names.count else { continue }
      tensors.append(
        TinyTensor(
          name: stack.name, dtype: first.dtype, shape: stack.shape, bytes: own.flatMap(\.bytes)))
    }
    tensors += self.tensors.filter { !joined.contains($0.name) }
    return TinyModel(tensors: tensors, config: config).sorted
  }
}
