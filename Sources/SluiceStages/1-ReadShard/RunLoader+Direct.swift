internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

extension ReadStage.RunLoader {
  /// What is shorter is not worth going around the page cache for, where the system reads ahead and writes behind.
  static let directByteCount = 1 << 17

  /// Reads what a chunk needs of its files around the page cache, all at the same time: runs that are long enough,
  /// and frames as far as there is room and they lie together; of others it asks the system.
  ///
  /// - Parameters:
  ///   - direct: Reads.
  ///   - buffer: The chunk's buffer, whose next bytes are taken.
  ///   - origins: Where each model's elements come from.
  ///   - elements: The elements.
  /// - Throws: `FormatError` if a file cannot be read.
  mutating func readDirectly(
    _ direct: DirectReads, into buffer: PooledBuffer, _ origins: [ReadStage.Origin],
    _ elements: Range<Int>
  ) throws {
    direct.removeAll()
    let task = strip.task
    let runs = ReadStage.chunkByteCount(task, chunkElements: elements.count)
    let room = unsafe buffer.bytes.count - runs
    let extents = FrameExtent.joined(frameExtents(origins, elements)).filter { extent in
      let need = extent.range.count + InputFile.directSlack + InputFile.directAlignment
      let isRead = used + need <= room && add(extent.range, of: extent.file, direct, buffer)
      if !isRead { extent.file.willNeed(extent.range) }
      return isRead
    }
    add(task.base, elements, available: task.baseElementCount, direct, buffer)
    for model in task.fineTuned.indices {
      guard let source = task.fineTuned[model], case .file = origins[model] else { continue }
      add(source, elements, available: task.fineTunedElementCounts[model], direct, buffer)
    }
    try direct.read()
    for extent in extents {
      guard let start = unsafe direct.bytes(extent.range, of: extent.file)?.baseAddress else {
        continue
      }
      unsafe ahead.add(extent.range, of: extent.file, at: start)
    }
  }

  /// Adds a model's run, if it lies in the file as it is.
  private mutating func add(
    _ source: TensorSource, _ elements: Range<Int>, available: Int, _ direct: DirectReads,
    _ buffer: PooledBuffer
  ) {
    guard source.isStored, !source.isNumbers, source.view == nil, elements.lowerBound < available
    else { return }
    let range = source.byteRange(ofElements: elements.clamped(to: 0..<available))
    _ = add(range, of: stage.files[source.file], direct, buffer)
  }

  /// Adds a range of a file; false if it is to be read in another way.
  private mutating func add(
    _ range: Range<Int>, of file: any ReadableFile, _ direct: DirectReads, _ buffer: PooledBuffer
  ) -> Bool {
    guard range.count >= Self.directByteCount else { return false }
    let begun = used
    used = used.roundedUp(to: InputFile.directAlignment)
    let target = unsafe take(range.count + InputFile.directSlack, of: buffer)
    guard unsafe direct.add(range, of: file, into: target) else {
      used = begun
      return false
    }
    return true
  }
}
