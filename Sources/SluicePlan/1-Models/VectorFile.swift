internal import SluiceArchitecture
internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// A safetensors file with a vector or matrix for each linear layer, under the layer's name.
struct VectorFile: Sendable {
  let file: SafetensorsFile
  private let entries: [String: TensorEntry]

  init(_ path: String) throws(FormatError) {
    file = try SafetensorsFile.open(path)
    entries = Dictionary(uniqueKeysWithValues: file.header.tensors.map { ($0.name, $0) })
  }

  func entry(_ name: String) -> TensorEntry? { entries[name] }

  /// Checks that every layer has a vector with one number for each of its columns.
  func checkVectors(of tasks: [TensorTask], model: String) throws(PipelineError) {
    for task in tasks {
      guard let entry = entries[task.name] else { throw problem("is missing", task, model) }
      guard entry.shape.elementCount == task.columnCount, entry.dtype.isMergeable else {
        throw problem(
          "is \(entry.dtype) \(entry.shape); the layer has \(task.columnCount) inputs", task, model)
      }
    }
  }

  /// Reads the vector of a layer.
  func vector(_ name: String) throws -> [Float] {
    guard let entry = entries[name] else { return [] }
    let bytes = try file.input.bytes(in: entry.byteRange)
    var values = [Float](repeating: 0, count: entry.shape.elementCount)
    // SAFETY: as many elements as the entry's shape has are in either array.
    _ = unsafe values.withUnsafeMutableBufferPointer { target in
      unsafe bytes.withUnsafeBytes { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return 0 as UInt32 }
        return unsafe Kernels.best.widen(from, entry.dtype, into: to, count: target.count)
      }
    }
    guard values.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw PipelineError.badInput(
        "a norm is negative or not finite", file: file.path, tensor: name)
    }
    return values
  }

  func problem(_ what: String, _ task: TensorTask, _ model: String) -> PipelineError {
    PipelineError.badInput(
      "the entry for this layer \(what)", model: model, file: file.path, tensor: task.name,
      remedy: "Make the file from this model, or exclude the layer (--linear-exclude).")
  }
}
