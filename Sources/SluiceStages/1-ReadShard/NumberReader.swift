internal import SluiceCore
package import SluiceFormats
internal import SluiceKernels

/// Reads elements of a source as Float32, however they lie: one after the other, strided, packed, or
/// with rows that are matched to the base's.
package struct NumberReader {
  /// The bytes that reading matched rows takes beside its target.
  package static let scratchByteCount = 1 << 18

  private let files: [InputFile]

  /// Prepares to read.
  ///
  /// - Parameter files: The files, by ordinal.
  package init(_ files: [InputFile]) { self.files = files }

  /// Reads a run of elements.
  ///
  /// - Parameters:
  ///   - elements: Their positions in the tensor.
  ///   - source: Where they lie.
  ///   - target: Receives as many numbers.
  /// - Throws: If a read fails.
  package func read(
    _ elements: Range<Int>, of source: TensorSource, into target: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    if let packed = source.packed {
      // SAFETY: the caller's target has room for all elements, here and below.
      return try unsafe PackedReader(files, packed).read(elements, into: target)
    }
    guard let matched = source.matched else { return try unsafe widen(elements, source, target) }
    try unsafe read(elements, ofRows: matched, into: target)
  }

  /// Reads numbers as they are and widens them, a scratch buffer at a time.
  private func widen(
    _ elements: Range<Int>, _ source: TensorSource, _ target: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    let width = source.dtype.byteCount ?? 1
    let step = NumberReader.scratchByteCount / width
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(step, elements.count) * width, alignment: 64)
    // SAFETY: freed once, after the last use.
    defer { unsafe scratch.deallocate() }
    for first in stride(from: elements.lowerBound, to: elements.upperBound, by: step) {
      let piece = first..<min(first + step, elements.upperBound)
      // SAFETY: the scratch buffer holds `step` elements, or all of them.
      let bytes = unsafe UnsafeMutableRawBufferPointer(
        rebasing: scratch[..<(piece.count * width)])
      let start = source.byteRange.lowerBound
      let file = files[source.file]
      if let view = source.view {
        try unsafe file.read(piece, of: view, at: start, width: width, into: bytes)
      } else {
        try unsafe file.read(into: bytes, at: start + piece.lowerBound * width)
      }
      guard let from = bytes.baseAddress else { continue }
      // What is not finite is found when deltas are taken.
      _ = unsafe Kernels.best.widen(
        from, source.dtype, into: target + (first - elements.lowerBound), count: piece.count)
    }
  }
}
