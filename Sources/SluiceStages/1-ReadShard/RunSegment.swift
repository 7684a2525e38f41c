internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

extension ReadStage {
  /// Whole small tensors that follow each other in the files of all models, read at once into one buffer: a read
  /// takes a while of its own, however short it is.
  struct RunSegment {
    /// Where the bytes of a model are.
    private struct Place {
      let file: Int
      /// The bytes in the file.
      var range: Range<Int>
      /// Where they begin in the buffer.
      var offset = 0
    }

    /// Which strips of a run they are.
    let positions: Range<Int>
    let buffer: PooledBuffer
    private let places: [Place]

    /// Reads the strips of a run from a position on, as many as belong together and have room.
    ///
    /// - Parameters:
    ///   - run: The strips.
    ///   - first: The position.
    ///   - stage: Reads.
    ///   - pool: Has the buffer.
    ///   - context: The node.
    /// - Returns: What was read; nil if it is not at least two strips.
    /// - Throws: `FormatError` if a file cannot be read, `CancelledError` if the run was cancelled.
    static func read(
      _ run: [Strip], from first: Int, _ stage: ReadStage, _ pool: BufferPool,
      _ context: NodeContext
    ) throws -> RunSegment? {
      guard first + 1 < run.count, var places = start(run[first], stage) else { return nil }
      var end = first + 1
      while end < run.count, extend(&places, by: run[end], stage, room: pool.bufferByteCount) {
        end += 1
      }
      guard end > first + 1 else { return nil }
      let buffer = try context.take(from: pool)
      var used = 0
      for index in places.indices {
        let place = places[index]
        places[index].offset = used
        // SAFETY: `extend` found room in the pool's buffers for all places, each from a cache line on.
        try unsafe stage.files[place.file].read(
          into: UnsafeMutableRawBufferPointer(
            rebasing: buffer.bytes[used..<used + place.range.count]),
          at: place.range.lowerBound)
        used += place.range.count.roundedUp(to: 64)
      }
      return RunSegment(positions: first..<end, buffer: buffer, places: places)
    }

    /// The bytes of a range of a file.
    func bytes(of file: Int, _ range: Range<Int>) -> UnsafeRawBufferPointer? {
      for place in places
      where place.file == file && place.range.lowerBound <= range.lowerBound
        && range.upperBound <= place.range.upperBound
      {
        let start = place.offset + range.lowerBound - place.range.lowerBound
        // SAFETY: the place lies in the buffer, and the range in it.
        return unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<start + range.count])
      }
      return nil
    }

    /// The places of the first strip; nil if it must be read by itself.
    private static func start(_ strip: Strip, _ stage: ReadStage) -> [Place]? {
      let task = strip.task
      guard isWhole(strip, stage) else { return nil }
      let places = (-1..<task.fineTuned.count).compactMap { place(of: $0, task) }
      return places.contains { stage.files[$0.file].isReadAheadOff } ? nil : places
    }

    /// Adds a strip to those before it, if it follows them in all files and has room.
    private static func extend(
      _ places: inout [Place], by strip: Strip, _ stage: ReadStage, room: Int
    ) -> Bool {
      guard isWhole(strip, stage) else { return false }
      let task = strip.task
      var (used, index) = (0, 0)
      for model in -1..<task.fineTuned.count {
        guard let next = place(of: model, task) else { continue }
        guard index < places.count, places[index].file == next.file,
          places[index].range.upperBound == next.range.lowerBound
        else { return false }
        used += (next.range.upperBound - places[index].range.lowerBound).roundedUp(to: 64)
        index += 1
      }
      guard index == places.count, used <= room else { return false }
      index = 0
      for model in -1..<task.fineTuned.count {
        guard let next = place(of: model, task) else { continue }
        places[index].range = places[index].range.lowerBound..<next.range.upperBound
        index += 1
      }
      return true
    }

    /// Where the bytes of a model are, or of the base (-1); nil if the model has none.
    ///
    /// Sources are large: none is copied.
    private static func place(of model: Int, _ task: TensorTask) -> Place? {
      if model < 0 { return Place(file: task.base.file, range: task.base.byteRange) }
      guard let file = task.fineTuned[model]?.file, let range = task.fineTuned[model]?.byteRange
      else { return nil }
      return Place(file: file, range: range)
    }

    /// Whether a strip is a chunk, and a whole tensor of all models that lies there in one piece.
    private static func isWhole(_ strip: Strip, _ stage: ReadStage) -> Bool {
      strip.task.isWhole && strip.elements.count == strip.task.elementCount
        && strip.elements.count <= stage.granularity.chunkElements
    }
  }

  /// Whether neighbours of a run may be read at once.
  var readsSegments: Bool {
    guard mode == .pread, !dropsCachedPages, deltas == nil else { return false }
    switch packed {
    case .none: return true
    case .leftOut(let known): return known.isEmpty
    case .unpacked: return false
    }
  }
}
