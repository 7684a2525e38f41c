internal import Glibc
internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// Merged bytes in files without names, at the places that they would have in the shards of the model: what
/// is there is read, and let go of before the next tensors are merged.
final class ScratchPlaces: OutputPlaces {
  private let path: String
  private let descriptors: [Int32]

  /// Makes a file for each shard; none takes space before something is written.
  ///
  /// - Parameters:
  ///   - shardCount: How many.
  ///   - directory: Where.
  /// - Throws: If no file can be made there.
  init(shardCount: Int, in directory: String) throws(FormatError) {
    path = directory
    var made: [Int32] = []
    for shard in 0..<shardCount {
      do throws(FormatError) {
        made.append(try ScratchFile.open(in: directory, name: "merged-\(shard)"))
      } catch {
        for descriptor in made { close(descriptor) }
        throw error
      }
    }
    descriptors = made
  }

  deinit { for descriptor in descriptors { close(descriptor) } }

  /// Lets go of all that is there.
  func clear() throws(FormatError) {
    for descriptor in descriptors where ftruncate(descriptor, 0) != 0 {
      throw .scratch("cannot empty a scratch file", file: path, errno: errno)
    }
  }

  func write(
    _ bytes: UnsafeRawBufferPointer, shard: Int, at offset: Int, _ scattering: WriteJob.Scattering?
  ) throws(FormatError) {
    precondition(scattering == nil, "elements that do not lie together")
    var done = 0
    while done < bytes.count {
      // SAFETY: what is left of the bytes lies behind what is done.
      let moved = unsafe pwrite(
        descriptors[shard], bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done,
        off_t(offset + done))
      if moved < 0, errno == EINTR { continue }
      guard moved > 0 else {
        throw .scratch(
          "cannot write merged weights", file: path, errno: moved < 0 ? errno : ENOSPC)
      }
      done += moved
    }
  }

  /// Reads bytes back.
  func read(
    shard: Int, at offset: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    var done = 0
    while done < target.count {
      // SAFETY: as above.
      let moved = unsafe pread(
        descriptors[shard], target.baseAddress.map { unsafe $0 + done }, target.count - done,
        off_t(offset + done))
      if moved < 0, errno == EINTR { continue }
      guard moved > 0 else {
        throw .scratch(
          "cannot read merged weights back", file: path, errno: moved < 0 ? errno : EIO)
      }
      done += moved
    }
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
      try unsafe read(
        shard: task.outputShard, at: task.outputOffset + first * width, into: bytes)
      guard let from = bytes.baseAddress else { continue }
      _ = unsafe Kernels.best.widen(
        from, task.outputDType, into: target + (first - elements.lowerBound), count: count)
    }
  }
}
