internal import SluiceCore
package import SluiceFormats
internal import SluiceKernels

/// A strip of one fine-tuned model as frames.
package struct PackedStrip: Sendable {
  /// The file that holds the frames.
  package let file: any ReadableFile
  /// What the frames' hashes are seeded with.
  package let owner: String
  /// Where the frames lie.
  package let table: FrameTable
  /// Whether the base's bytes are compared with the sums in the frames.
  package let checksBase: Bool
  /// Whether the frames hold deltas, against zeros, and not weights against the base's.
  package let holdsDeltas: Bool
  /// Those that lie in memory and not in the file, if there are any.
  let held: HeldFrames?

  /// Describes a strip.
  ///
  /// - Parameters:
  ///   - file: The file that holds the frames.
  ///   - owner: What the frames' hashes are seeded with.
  ///   - table: Where the frames lie.
  ///   - checksBase: Whether the base's bytes are compared with the sums in the frames.
  ///   - holdsDeltas: Whether the frames hold deltas.
  ///   - held: Those that lie in memory, if there are any.
  package init(
    file: any ReadableFile, owner: String, table: FrameTable, checksBase: Bool,
    holdsDeltas: Bool = false, held: HeldFrames? = nil
  ) {
    self.held = held
    self.file = file
    self.owner = owner
    self.table = table
    self.checksBase = checksBase
    self.holdsDeltas = holdsDeltas
  }
}

extension PackedStrip {
  /// Reads all frames and checks that they are what was written.
  package func checkFrames(firstElement: Int, tensor: String) throws {
    let decoder = FrameDecoder(kernels: .best)
    var start = firstElement
    for entry in table.frames where entry.byteCount > 0 {
      let place = place(entry, tensor)
      guard entry.byteCount <= Frame.byteLimit(.f32) else {
        throw place.problem("the frame is too long")
      }
      // SAFETY: the memory is this call's, and as long as the frame.
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.byteCount, alignment: 64)
      defer { unsafe bytes.deallocate() }
      try unsafe file.read(into: bytes, at: entry.offset)
      try unsafe decoder.decode(
        UnsafeRawBufferPointer(bytes), seed: Frame.seed(owner: owner, firstElement: start),
        place: place)
      start += Frame.elementLimit
    }
  }
}

/// Knows which strips of which models are there as frames, to be read in the place of their files.
package protocol PackedSource: Sendable {
  /// The frames of a strip.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - model: The position of the model.
  /// - Returns: The frames, or nil where the model's own file is to be read.
  /// - Throws: If it is known that there are frames, but not which.
  func packed(_ strip: Strip, model: Int) throws -> PackedStrip?
}

/// The spill of a run: the frames that its first pass leaves, and where those of each strip lie.
///
/// A strip's table comes after its frames, so that a strip of which the table is known is there.
package struct SpillStore: Sendable {
  /// The tables.
  package let records: StripRecords
  private let isAroundCache: Bool
  private let held: HeldFrames?
  private let owner: @Sendable (TensorTask, Int) -> String

  /// Makes a store in a file.
  ///
  /// - Parameters:
  ///   - file: The file: empty, or with the tables that `restore` is going to tell of.
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  ///   - isAroundCache: Whether frames are written around the page cache, in whole pages.
  ///   - held: Room for frames that stay in memory, if there is any.
  ///   - owner: What the hashes of the frames of a tensor and model are seeded with.
  package init(
    _ file: WorkFile, stripCount: Int, modelCount: Int, isAroundCache: Bool = false,
    held: HeldFrames? = nil, owner: @escaping @Sendable (TensorTask, Int) -> String
  ) {
    records = StripRecords(file, stripCount: stripCount, modelCount: modelCount)
    self.isAroundCache = isAroundCache
    self.held = held
    self.owner = owner
  }

  /// What the hashes of the frames of a tensor and model are seeded with.
  package func owner(_ task: TensorTask, model: Int) -> String { owner(task, model) }

  /// Keeps frames in memory.
  ///
  /// - Parameter bytes: The frames.
  /// - Returns: Their place; nil if there is no room.
  func hold(_ bytes: UnsafeRawBufferPointer) -> Int? { unsafe held?.keep(bytes) }

  /// Takes room for frames at the end of the file.
  ///
  /// - Parameters:
  ///   - byteCount: The bytes of frames, and what fills their last page where whole pages are written.
  ///   - limit: How long the file may become.
  /// - Returns: The position of the first, or nil if the file would become too long.
  /// - Throws: `FormatError` if tables before them cannot be written.
  package func allocate(_ byteCount: Int, limit: Int) throws(FormatError) -> Int? {
    try records.allocate(
      byteCount, alignment: writesPages(byteCount) ? InputFile.directAlignment : 1,
      limit: limit)
  }

  /// How many bytes are written for so many of frames: whole pages where they are many.
  package func writtenByteCount(_ byteCount: Int) -> Int {
    writesPages(byteCount) ? byteCount.roundedUp(to: InputFile.directAlignment) : byteCount
  }

  private func writesPages(_ byteCount: Int) -> Bool {
    isAroundCache && byteCount >= ReadStage.RunLoader.directByteCount
  }

  /// Writes frames where room was taken for them; they begin on a page in memory.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FormatError) {
    if writesPages(bytes.count) {
      try unsafe records.file.writePages(bytes, at: offset)
    } else {
      try unsafe records.file.write(bytes, at: offset)
    }
  }

  /// Keeps the table of a strip whose frames are written.
  package func put(_ table: FrameTable, strip: Int, model: Int) throws(FormatError) {
    try records.put(table.encoded, strip: strip, model: model)
  }

  /// The frames of a strip.
  package func packed(_ strip: Strip, model: Int) throws -> PackedStrip? {
    guard let record = try records.record(strip: strip.ordinal, model: model) else { return nil }
    guard let table = FrameTable(encoded: record) else {
      throw records.damage(strip: strip.ordinal, model: model)
    }
    return table.frames.isEmpty
      ? nil
      : PackedStrip(
        file: records.file, owner: owner(strip.task, model), table: table, checksBase: false,
        held: held)
  }
}
