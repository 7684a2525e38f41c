internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels

/// A tensor of weights in a checkpoint, read piece by piece as numbers.
struct MaskInput {
  private let file: InputFile
  private let entry: TensorEntry
  private let width: Int

  var dimensions: [Int] { entry.shape.dimensions }
  var elementCount: Int { entry.shape.elementCount }

  /// Finds a tensor; nil where it is missing, no weight, or does not lie in one piece.
  init?(_ name: String, in checkpoint: Checkpoint) {
    guard let tensor = checkpoint[name], tensor.entry.dtype.isMergeable, tensor.entry.view == nil,
      let width = tensor.entry.dtype.byteCount
    else { return nil }
    file = checkpoint.files[tensor.fileOrdinal].input
    entry = tensor.entry
    self.width = width
  }

  /// The bytes of some elements.
  func bytes(_ elements: Range<Int>) throws(FormatError) -> [UInt8] {
    let start = entry.byteRange.lowerBound
    return try file.bytes(
      in: start + elements.lowerBound * width..<start + elements.upperBound * width)
  }

  /// Turns bytes into numbers.
  func widen(_ bytes: [UInt8], into values: AlignedBuffer<Float>, _ kernels: Kernels) {
    // SAFETY: the buffer has room for a piece, and the bytes are those of at most a piece.
    unsafe bytes.withUnsafeBytes { raw in
      guard let address = raw.baseAddress else { return }
      _ = unsafe kernels.widen(address, entry.dtype, into: values.pointer, count: raw.count / width)
    }
  }

  /// Turns bytes into deltas from a base.
  func delta(
    _ bytes: [UInt8], base: AlignedBuffer<Float>, into values: AlignedBuffer<Float>,
    _ kernels: Kernels
  ) {
    // SAFETY: both buffers have room for a piece, and the bytes are those of at most a piece.
    unsafe bytes.withUnsafeBytes { raw in
      guard let address = raw.baseAddress else { return }
      _ = unsafe kernels.delta(
        address, entry.dtype, base: base.pointer, into: values.pointer, count: raw.count / width)
    }
  }
}
