import Glibc
import Platform
import Synchronization

/// The reads and writes of one pass of a merge without its arithmetic: the least that a program must do
/// that goes over the same bytes in the same order.
///
/// Lanes take strips of the base model, and read of each model what belongs to it, turn by turn: in small
/// reads, pages being dropped behind, or in long ones around the page cache. Writers of their own write what becomes due as lanes get on, and hold
/// lanes up where too much waits for them, as a pass does.
public struct PassFloor: Sendable {
  /// So many bytes from the start of files, one file after the other.
  public struct Part: Sendable, Hashable {
    /// The files; one if it is written.
    public let paths: [String]
    /// How many bytes of them.
    public let byteCount: Int
    /// Whether they are read or written around the page cache.
    public let isDirect: Bool

    /// Names a part.
    /// - Parameters:
    ///   - paths: the files.
    ///   - byteCount: how many bytes of them, from the first one's start.
    ///   - isDirect: whether they are read or written around the page cache.
    public init(paths: [String], byteCount: Int, isDirect: Bool = false) {
      self.paths = paths
      self.byteCount = byteCount
      self.isDirect = isDirect
    }
  }

  // What the passes do: strips of 2^25 elements of two bytes, chunks of 2^17, or 2^20 around the page cache.
  private static let stripBytes = 1 << 26
  private static let smallestRead = 1 << 17
  private static let droppedBytes = 8 << 20

  let reads: [Part]
  private let chunkBytes: Int
  let frames: Part?
  let output: Part?

  /// Describes a pass.
  /// - Parameters:
  ///   - reads: what is read; the first is the base model.
  ///   - frames: what is written in pieces of 2 MiB by one thread.
  ///   - output: what is written in pieces of 1 MiB by three threads.
  public init(reads: [Part], frames: Part?, output: Part?) {
    self.reads = reads.filter { $0.byteCount > 0 }
    chunkBytes = self.reads.contains(where: \.isDirect) ? 1 << 21 : 1 << 18
    self.frames = frames
    self.output = output
  }

  /// Does it.
  /// - Parameter lanes: how many threads read.
  /// - Returns: the seconds that it took, until what was written is on the device.
  /// - Throws: `BenchFailure` when a file cannot be read or written.
  public func run(lanes: Int) throws -> Double {
    let models = try reads.map(JoinedFiles.init)
    let clock = ContinuousClock()
    let start = clock.now
    let writers = try [
      frames.map { try PieceWriter($0, pieceBytes: 2 << 20, threads: 1, isLengthKnown: false) },
      output.map { try PieceWriter($0, pieceBytes: 1 << 20, threads: 3, isLengthKnown: true) },
    ].compactMap { $0 }
    let strips = ((reads.first?.byteCount ?? 0) + PassFloor.stripBytes - 1) / PassFloor.stripBytes
    let chunks = PassFloor.stripBytes / chunkBytes
    let next = Atomic<Int>(0)
    let done = Atomic<Int>(0)
    try onThreads(lanes + writers.reduce(0) { $0 + $1.threads }) { number in
      guard number < lanes else {
        return try writers.first { $0.owns(number - lanes, of: writers) }?.write() ?? ()
      }
      // A lane that fails must not leave writers waiting.
      defer { for writer in writers { writer.end(lanes: lanes) } }
      let buffer = Writer.block(byteCount: chunkBytes + 2 * JoinedFiles.pageBytes)
      defer { buffer.deallocate() }
      while true {
        let strip = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard strip < strips else { break }
        for chunk in 0..<chunks {
          for model in models {
            let cut = Cut(model.byteCount, strip: strip, of: strips, chunks: chunks)
            guard let range = cut.range(chunk) else { continue }
            try model.read(range, into: buffer)
            if let dropped = cut.dropped(after: range) { model.drop(dropped) }
          }
          let before = done.wrappingAdd(1, ordering: .relaxed).oldValue
          for writer in writers { writer.isDue(after: before, of: strips * chunks) }
        }
      }
    }
    for writer in writers { try writer.finish() }
    return start.duration(to: clock.now).inSeconds
  }

  /// A model's part of a strip, cut into reads.
  private struct Cut {
    private let part: Range<Int>
    private let chunks: Int
    /// The chunks that one read covers: reads that would be tiny wait until they are not.
    private let stride: Int

    init(_ byteCount: Int, strip: Int, of strips: Int, chunks: Int) {
      part = byteCount * strip / strips..<byteCount * (strip + 1) / strips
      self.chunks = chunks
      stride = min(chunks, max(1, PassFloor.smallestRead / max(1, part.count / chunks)))
    }

    /// What is read at a chunk; nil if that waits.
    func range(_ chunk: Int) -> Range<Int>? {
      guard (chunk + 1) % stride == 0 || chunk + 1 == chunks else { return nil }
      let first = part.lowerBound + part.count * (chunk / stride * stride) / chunks
      return first..<part.lowerBound + part.count * (chunk + 1) / chunks
    }

    /// What leaves the page cache after a read; nil if a run of it is not complete yet.
    func dropped(after range: Range<Int>) -> Range<Int>? {
      let begun = range.lowerBound / PassFloor.droppedBytes * PassFloor.droppedBytes
      let isDue =
        range.upperBound == part.upperBound || range.upperBound >= begun + PassFloor.droppedBytes
      return isDue ? max(part.lowerBound, begun)..<range.upperBound : nil
    }
  }
}

/// The files of a model, one after the other.
private struct JoinedFiles: Sendable {
  static let pageBytes = 4096

  let byteCount: Int
  private let files: [(file: File, range: Range<Int>)]
  private let isDirect: Bool

  init(_ part: PassFloor.Part) throws {
    var files: [(file: File, range: Range<Int>)] = []
    var end = 0
    isDirect = part.isDirect
    for path in part.paths {
      let file = try File(path, O_RDONLY | (isDirect ? Writer.direct : 0))
      files.append((file, end..<end + (try file.size())))
      end += try file.size()
    }
    self.files = files
    byteCount = min(part.byteCount, end)
  }

  func read(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    for (file, own) in files where own.overlaps(range) {
      let part = range.clamped(to: own)
      // Around the page cache with all that lies in the same pages.
      let unit = isDirect ? JoinedFiles.pageBytes : 1
      var offset = (part.lowerBound - own.lowerBound) / unit * unit
      let end = part.upperBound - own.lowerBound
      let first = offset
      while offset < end {
        let length = ((end - offset) + unit - 1) / unit * unit
        let room = UnsafeMutableRawBufferPointer(
          rebasing: buffer[(offset - first)..<(offset - first + length)])
        let count = try file.read(into: room, at: offset)
        guard count > 0 else { throw BenchFailure("\(file.path): shorter than it was") }
        offset += count
      }
    }
  }

  func drop(_ range: Range<Int>) {
    guard !isDirect else { return }
    for (file, own) in files where own.overlaps(range) {
      let part = range.clamped(to: own)
      posix_fadvise(
        file.descriptor, off_t(part.lowerBound - own.lowerBound), off_t(part.count),
        POSIX_FADV_DONTNEED)
    }
  }
}
