internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// Frames of a chunk that its reader has read, for the lane that unpacks them.
@safe struct FramesAhead: @unchecked Sendable {
  // Safe to send: the bytes are those of the chunk's buffer, and go with it.

  @safe private struct Piece {
    let file: ObjectIdentifier
    let range: Range<Int>
    let bytes: UnsafeRawPointer
  }

  private var pieces: [Piece] = []

  /// Notes that a range of a file is in memory.
  mutating func add(_ range: Range<Int>, of file: any ReadableFile, at bytes: UnsafeRawPointer) {
    unsafe pieces.append(Piece(file: ObjectIdentifier(file), range: range, bytes: bytes))
  }

  /// A frame's bytes, if they were read.
  func bytes(_ entry: FrameTable.Entry, of file: any ReadableFile) -> UnsafeRawBufferPointer? {
    for piece in pieces where piece.file == ObjectIdentifier(file) {
      let start = entry.offset - piece.range.lowerBound
      guard start >= 0, start + entry.byteCount <= piece.range.count else { continue }
      // SAFETY: the frame lies inside the piece.
      return unsafe UnsafeRawBufferPointer(start: piece.bytes + start, count: entry.byteCount)
    }
    return nil
  }
}

/// Where frames lie together.
struct FrameExtent {
  let file: any ReadableFile
  var range: Range<Int>

  /// What lies so close together is read at once.
  private static let gapByteCount = 1 << 16

  /// Joins what lies together in a file.
  static func joined(_ extents: [FrameExtent]) -> [FrameExtent] {
    guard extents.count > 1 else { return extents }
    func place(_ extent: FrameExtent) -> (ObjectIdentifier, Int) {
      (ObjectIdentifier(extent.file), extent.range.lowerBound)
    }
    let sorted = extents.sorted { place($0) < place($1) }
    var joined: [FrameExtent] = []
    for extent in sorted {
      if let last = joined.last, last.file === extent.file,
        extent.range.lowerBound - last.range.upperBound <= gapByteCount
      {
        let end = max(last.range.upperBound, extent.range.upperBound)
        joined[joined.count - 1].range = last.range.lowerBound..<end
      } else {
        joined.append(extent)
      }
    }
    return joined
  }
}

extension PackedStrip {
  /// Calls with where each frame lies that begins with some elements of a strip.
  func forEachFrame(_ elements: Range<Int>, of strip: Strip, _ body: (Range<Int>) -> Void) {
    func frames(before element: Int) -> Int {
      let passed = element - strip.elements.lowerBound
      return min((passed + Frame.elementLimit - 1) / Frame.elementLimit, table.frames.count)
    }
    for index in frames(before: elements.lowerBound)..<frames(before: elements.upperBound) {
      let entry = table.frames[index]
      if entry.byteCount > 0 { body(entry.offset..<entry.offset + entry.byteCount) }
    }
  }
}

extension ReadStage.RunLoader {
  /// Reads the frames that begin with the elements of a chunk, around the page cache, as far as there is room and
  /// they lie together; of others it asks the system.
  ///
  /// - Parameters:
  ///   - origins: Where each model's elements come from.
  ///   - elements: The elements.
  ///   - room: The bytes of the buffer that runs will not take.
  /// - Throws: `FormatError` if they cannot be read.
  mutating func readFrames(
    _ origins: [ReadStage.Origin], _ elements: Range<Int>, room: Int
  ) throws {
    var extents: [FrameExtent] = []
    for case .frames(let frames) in origins {
      let (packed, isDirect) = (frames.packed, stage.mode == .direct)
      packed.forEachFrame(elements, of: strip) { range in
        if HeldFrames.isHeld(range.lowerBound) { return }
        if isDirect {
          extents.append(FrameExtent(file: packed.file, range: range))
        } else {
          packed.file.willNeed(range)
        }
      }
    }
    for extent in FrameExtent.joined(extents) where try !read(extent, room: room) {
      extent.file.willNeed(extent.range)
    }
  }

  private mutating func read(_ extent: FrameExtent, room: Int) throws -> Bool {
    let need = extent.range.count + InputFile.directSlack + InputFile.directAlignment
    guard let buffer, used + need <= room, extent.range.count >= Self.directByteCount,
      let bytes = try unsafe readDirectly(extent.range, of: extent.file, into: buffer),
      let start = bytes.baseAddress
    else { return false }
    unsafe ahead.add(extent.range, of: extent.file, at: start)
    return true
  }
}
