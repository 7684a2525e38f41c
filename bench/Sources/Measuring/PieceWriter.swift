import Glibc
import Platform
import Synchronization

/// Writes a new file in pieces of one size, each when it is due, on threads of its own.
final class PieceWriter: Sendable {
  /// How many pieces may wait for each thread.
  private static let waiting = 3

  let threads: Int
  private let file: File
  private let pieceBytes: Int
  private let pieces: Int
  private let due = CountingSemaphore(0)
  private let room: CountingSemaphore
  private let next = Atomic<Int>(0)
  private let made = Atomic<Int>(0)
  private let ended = Atomic<Int>(0)

  init(_ part: PassFloor.Part, pieceBytes: Int, threads: Int, isLengthKnown: Bool) throws {
    self.threads = threads
    self.pieceBytes = pieceBytes
    pieces = (part.byteCount + pieceBytes - 1) / pieceBytes
    room = CountingSemaphore(PieceWriter.waiting * threads)
    let path = part.paths[0]
    unlink(path)
    file = try Writer.create(path, isDirect: part.isDirect)
    if isLengthKnown {
      let code = posix_fallocate(file.descriptor, 0, off_t(pieces * pieceBytes))
      guard code == 0 || code == EOPNOTSUPP else {
        throw BenchFailure.system("posix_fallocate", path, code: code)
      }
    }
  }

  /// Whether a thread that counts on from those of the writers before is one of this one's.
  func owns(_ number: Int, of writers: [PieceWriter]) -> Bool {
    var first = 0
    for writer in writers {
      if writer === self { return (first..<first + threads).contains(number) }
      first += writer.threads
    }
    return false
  }

  /// Makes the pieces due that belong to a chunk; waits while too many are.
  func isDue(after chunk: Int, of chunks: Int) {
    for _ in (chunk * pieces / chunks)..<((chunk + 1) * pieces / chunks) {
      room.wait()
      made.wrappingAdd(1, ordering: .releasing)
      due.signal()
    }
  }

  /// Notes that a lane is through; after the last one threads end, with what is due written.
  func end(lanes: Int) {
    guard ended.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == lanes else { return }
    for _ in 0..<threads { due.signal() }
  }

  /// Writes pieces until there are no more: the work of each of its threads.
  func write() throws {
    let buffer = Writer.block(byteCount: pieceBytes)
    defer { buffer.deallocate() }
    // Whoever waits for room must not wait for a thread that failed.
    defer { for _ in 0..<pieces { room.signal() } }
    while true {
      due.wait()
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      // Fewer were made due if a lane failed.
      guard piece < made.load(ordering: .acquiring) else { return }
      try file.write(UnsafeRawBufferPointer(buffer), at: piece * pieceBytes)
      room.signal()
    }
  }

  /// Waits until everything is on the device.
  func finish() throws { try file.synchronize() }
}
