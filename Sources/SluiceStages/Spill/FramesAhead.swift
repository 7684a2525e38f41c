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
  /// Where the frames lie that begin with the elements of a chunk, less those in memory.
  func frameExtents(_ origins: [ReadStage.Origin], _ elements: Range<Int>) -> [FrameExtent] {
    var extents: [FrameExtent] = []
    for case .frames(let frames) in origins {
      frames.packed.forEachFrame(elements, of: strip) { range in
        if HeldFrames.isHeld(range.lowerBound) { return }
        extents.append(FrameExtent(file: frames.packed.file, range: range))
      }
    }
    return extents
  }

  /// Has the system begin to read the frames of a chunk.
  func askForFrames(_ origins: [ReadStage.Origin], _ elements: Range<Int>) {
    for extent in frameExtents(origins, elements) { extent.file.willNeed(extent.range) }
  }
}
