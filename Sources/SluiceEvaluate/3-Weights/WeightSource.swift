package import SluiceCore
package import SluiceDataflow

/// Where the weights of a model come from while it is computed.
package protocol WeightSource: Sendable {
  /// What its tensors are called.
  var names: DecoderNames { get }
  /// The path to name in errors.
  var path: String { get }

  /// What tells the weights from others, as far as that is known without reading them.
  var identity: String { get }

  /// The shape of a tensor; nil if there is none of the name.
  func shape(_ name: String) -> TensorShape?

  /// The bytes that reading a tensor takes, or so many rows of it.
  func byteCount(_ name: String, rows: Int?) -> Int

  /// The bytes that are read before the first tensor is.
  var startByteCount: Int { get }

  /// Does what must be done before the first tensor is read.
  ///
  /// - Parameters:
  ///   - progress: Counts what is done.
  ///   - cancellation: What ends the work before its time.
  /// - Returns: The bytes read.
  /// - Throws: What keeps it from being done.
  func start(_ progress: ProgressMeter, _ cancellation: Cancellation) throws -> Int

  /// Makes ready to read tensors; those of the call before are not read any more.
  ///
  /// - Parameter names: The tensors; the model need not have all of them.
  /// - Returns: The bytes read for that.
  /// - Throws: What keeps them from being made ready.
  func prepare(_ names: [String]) throws -> Int

  /// Reads a run of elements, from any thread.
  ///
  /// - Parameters:
  ///   - name: The tensor.
  ///   - elements: Their positions in the tensor.
  ///   - target: Receives as many numbers.
  /// - Returns: The bytes read.
  /// - Throws: If a read fails, or a weight is not finite.
  func read(
    _ name: String, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) throws -> Int

  /// Lets go of everything; nothing is read any more.
  func finish()
}

extension WeightSource {
  /// Reads a whole tensor of few numbers.
  ///
  /// - Parameters:
  ///   - name: The tensor.
  ///   - count: How many numbers it must have.
  ///   - didRead: Called with the bytes read.
  /// - Returns: The numbers.
  /// - Throws: If it is missing, or of another length, or cannot be read.
  func vector(_ name: String, count: Int, didRead: (Int) -> Void) throws -> [Float] {
    guard let shape = shape(name) else { throw missing(name) }
    guard shape.elementCount == count else {
      throw EvaluationError.badInput(
        "it is \(shape); the config asks for \(count) numbers", file: path, tensor: name)
    }
    var values = [Float](repeating: 0, count: count)
    // SAFETY: as many numbers as the array has are read into it.
    try unsafe values.withUnsafeMutableBufferPointer { room in
      guard let start = room.baseAddress else { return }
      didRead(try unsafe read(name, 0..<count, into: start))
    }
    return values
  }

  /// The error of a tensor that is not there.
  func missing(_ name: String) -> EvaluationError {
    EvaluationError.badInput(
      "the model has no such tensor, which its config asks for", file: path, tensor: name)
  }

  /// Checks that a matrix has the shape that the config asks for.
  func check(_ name: String, rows: Int, columns: Int) throws(EvaluationError) {
    guard let shape = shape(name) else { throw missing(name) }
    guard shape.dimensions == [rows, columns] else {
      throw EvaluationError.badInput(
        "it is \(shape); the config asks for \(rows) x \(columns)", file: path, tensor: name)
    }
  }
}
