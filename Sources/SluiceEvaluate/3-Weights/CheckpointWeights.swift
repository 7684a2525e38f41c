internal import SluiceArchitecture
package import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
package import SluicePlan
internal import SluiceStages

/// Weights as a checkpoint holds them, in any form that is read: several files, strided, packed.
package struct CheckpointWeights: WeightSource {
  private struct Place: Sendable {
    let source: TensorSource
    let shape: TensorShape
  }

  package let names: DecoderNames
  package let path: String
  private let files: [InputFile]
  private let places: [String: Place]

  /// Finds the tensors of a model.
  ///
  /// - Parameter model: The model, opened.
  /// - Throws: `EvaluationError` if it has no embedding.
  package init(_ model: SourceModel) throws(EvaluationError) {
    path = model.checkpoint.path
    names = try DecoderNames(model)
    files = model.checkpoint.files.map(\.input)
    var places: [String: Place] = [:]
    for tensor in model.catalog.tensors {
      guard let found = model.tensor(tensor.name) else { continue }
      places[tensor.name] = Place(source: model.source(found), shape: found.entry.shape)
    }
    if let head = model.tensor(names.head) {
      places[names.head] = Place(source: model.source(head), shape: head.entry.shape)
    }
    self.places = places
  }

  package var identity: String {
    files.map { file in
      let status = file.status
      return
        "\(status.device) \(status.inode) \(status.byteCount) \(status.modificationNanoseconds)"
    }.joined(separator: ", ")
  }

  package func shape(_ name: String) -> TensorShape? { places[name]?.shape }

  package func byteCount(_ name: String, rows: Int?) -> Int {
    guard let place = places[name] else { return 0 }
    let columns = place.shape.dimensions.last ?? 1
    return place.source.byteCount(
      ofElements: rows.map { $0 * columns } ?? place.shape.elementCount)
  }

  package var startByteCount: Int { 0 }

  package func start(_ progress: ProgressMeter, _ cancellation: Cancellation) -> Int { 0 }

  package func prepare(_ names: [String]) -> Int { 0 }

  package func finish() {}

  package func read(
    _ name: String, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) throws -> Int {
    guard let place = places[name] else { throw missing(name) }
    guard place.source.isNumbers || place.source.dtype.isMergeable else {
      throw EvaluationError.badInput(
        "\(place.source.dtype) holds no weights", file: path, tensor: name)
    }
    // SAFETY: the caller has room for as many numbers as there are elements.
    try unsafe NumberReader(files).read(elements, of: place.source, into: target)
    try unsafe WeightCheck.check(target, elements, tensor: name, file: path)
    return place.source.byteCount(ofElements: elements.count)
  }
}

/// Refuses weights that no model can be computed with.
enum WeightCheck {
  static func check(
    _ values: UnsafeMutablePointer<Float>, _ elements: Range<Int>, tensor: String, file: String
  ) throws(EvaluationError) {
    // SAFETY: the caller's numbers are as many as its elements.
    guard let index = unsafe Kernels.best.firstNonFinite(values, count: elements.count) else {
      return
    }
    let value = unsafe values[index]
    throw EvaluationError.badInput(
      "element \(elements.lowerBound + index): the weight is \(value)", file: file, tensor: tensor,
      remedy: "Repair or replace this checkpoint.")
  }
}

extension DecoderNames {
  /// Finds what the tensors of a model are called.
  init(_ model: SourceModel) throws(EvaluationError) {
    guard let embedding = model.embeddingName, embedding.hasSuffix("embed_tokens.weight") else {
      throw .unsupported("there is no embed_tokens.weight", file: model.checkpoint.path)
    }
    self.init(embedding: embedding, head: model.headName)
  }
}
