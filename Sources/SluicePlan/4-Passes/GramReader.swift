internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// Reads rows of a model's Gram matrices as Doubles.
final class GramReader {
  private let file: VectorFile
  private let kernels: Kernels
  private var raw: [UInt8] = []
  private var narrow: [Float] = []

  init(_ file: VectorFile, kernels: Kernels) {
    self.file = file
    self.kernels = kernels
  }

  func read(
    _ task: TensorTask, _ rows: Range<Int>, into target: UnsafeMutablePointer<Double>
  ) throws {
    guard let entry = file.entry(task.name), let width = entry.dtype.byteCount else { return }
    for row in rows {
      let start = entry.byteRange.lowerBound + row * task.columnCount * width
      raw = try file.file.input.bytes(in: start..<(start + task.columnCount * width))
      // SAFETY: the caller has room for the rows, and a row has `columnCount` elements.
      try unsafe widen(
        entry.dtype, task, into: target + (row - rows.lowerBound) * task.columnCount)
    }
  }

  private func widen(
    _ dtype: DType, _ task: TensorTask, into target: UnsafeMutablePointer<Double>
  ) throws {
    let count = task.columnCount
    unsafe raw.withUnsafeBytes { bytes in
      if dtype == .f64 {
        for index in 0..<count {
          unsafe target[index] = bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self)
        }
      } else if let source = bytes.baseAddress {
        if narrow.count < count { narrow = Array(repeating: 0, count: count) }
        unsafe narrow.withUnsafeMutableBufferPointer { values in
          guard let start = values.baseAddress else { return }
          _ = unsafe kernels.widen(source, dtype, into: start, count: count)
        }
        for index in 0..<count { unsafe target[index] = Double(narrow[index]) }
      }
    }
    for index in 0..<count where unsafe !target[index].isFinite {
      throw PipelineError.badInput(
        "the Gram matrix has an element that is not finite", file: file.file.path, tensor: task.name
      )
    }
  }
}
