internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// Merged bytes in files without names, at the places that they would have in the shards of the model: what
/// is there is read, and let go of before the next tensors are merged.
final class ScratchPlaces: OutputPlaces {
  private let files: [WorkFile]

  /// Makes a file for each shard; none takes space before something is written.
  ///
  /// - Parameters:
  ///   - shardCount: How many.
  ///   - directory: Where.
  /// - Throws: If no file can be made there.
  init(shardCount: Int, in directory: String) throws {
    files = try (0..<shardCount).map { try WorkFile.scratch(in: directory, name: "merged-\($0)") }
  }

  /// Lets go of all that is there.
  func clear() throws(FormatError) {
    for file in files { try file.truncate(to: 0) }
  }

  func write(
    _ bytes: UnsafeRawBufferPointer, shard: Int, at offset: Int, _ scattering: WriteJob.Scattering?
  ) throws(FormatError) {
    precondition(scattering == nil, "elements that do not lie together")
    // SAFETY: the bytes are the caller's.
    try unsafe files[shard].write(bytes, at: offset)
  }

  /// Reads elements of a tensor back, widened.
  func read(
    _ elements: Range<Int>, of task: TensorTask, into target: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    let width = task.outputDType.byteCount ?? 1
    let step = (1 << 18) / width
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(step, elements.count) * width, alignment: 64)
    // SAFETY: freed once, after the last use.
    defer { unsafe scratch.deallocate() }
    for first in stride(from: elements.lowerBound, to: elements.upperBound, by: step) {
      let count = min(step, elements.upperBound - first)
      // SAFETY: the scratch buffer holds `step` elements, or all of them, and the target all of them.
      let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[..<(count * width)])
      try unsafe files[task.outputShard].read(into: bytes, at: task.outputOffset + first * width)
      guard let from = bytes.baseAddress else { continue }
      _ = unsafe Kernels.best.widen(
        from, task.outputDType, into: target + (first - elements.lowerBound), count: count)
    }
  }
}
